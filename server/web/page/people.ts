import { byId, textElement } from "./dom.js";

/** Somebody in the list of who is here. */
export interface Person {
  id: string;
  name: string;
  /** How it is with them, in words. */
  state: string;
}

const list = byId<HTMLUListElement>("people");
const summary = byId("summary");

/** Shows who is here; oneself is the first. */
export function showPeople(people: readonly Person[]): void {
  list.replaceChildren(
    ...people.map(({ name, state }) => {
      const item = textElement("li", name);
      item.append(textElement("small", state));
      return item;
    }),
  );
  const text = people.length > 1 ? `${people.length} people` : "Nobody else is here yet: send somebody the link.";
  if (summary.textContent !== text) summary.textContent = text;
}
