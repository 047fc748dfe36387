/** The element of the page with that id. */
export function byId<E extends HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html has no element "${id}"`);
  return element as E;
}

/** The only element that `selector` matches within `root`. */
export function within<E extends Element>(root: ParentNode, selector: string): E {
  const element = root.querySelector<E>(selector);
  if (element === null) throw new Error(`nothing matches "${selector}"`);
  return element;
}

/** A new element around a text, which is shown as it is: never as HTML. */
export function textElement(tag: keyof HTMLElementTagNameMap, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

const notice = byId("notice");
within<HTMLButtonElement>(notice, "button").onclick = dismissNotice;

/** Shows something that one should know or do, until it is dismissed or the next takes its place. */
export function showNotice(text: string): void {
  within(notice, "p").textContent = text;
  notice.hidden = false;
}

/** Takes away the notice; with `text`, only if it is the one shown. */
export function dismissNotice(text?: unknown): void {
  if (typeof text === "string" && within(notice, "p").textContent !== text) return;
  notice.hidden = true;
}

let announced: string[] = [];

/** Has a screen reader say something that others see. What comes at about the same time is said together. */
export function announce(text: string): void {
  if (announced.push(text) > 1) return;
  setTimeout(() => {
    byId("announcements").textContent = announced.join(" ");
    announced = [];
  }, 300);
}
