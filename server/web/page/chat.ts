import type { Event, Session } from "@beckon/client";

import { announce, byId, textElement, within } from "./dom.js";
import { entryProblemInWords, nameOf } from "./words.js";

/** The application's word for a message of the chat, which is text in UTF-8. */
const type = "chat";

const messages = byId("messages");
const form = byId<HTMLFormElement>("chat");
const input = byId<HTMLInputElement>("message");
const panel = byId("panel");
const toggle = byId<HTMLButtonElement>("toggle-panel");
const unread = byId("unread");
const unreadCount = within(unread, "i");

/** Hears no more of the session at present. */
let stopHearing = (): void => {};

/** Begins the chat of a room. It is gone on with when the session is another, and forgotten by `clearChat`. */
export function startChat(session: Session, room: string): void {
  stopHearing();
  stopHearing = session.subscribe((event) => hear(event, room));
  form.onsubmit = (submit) => {
    submit.preventDefault();
    const text = input.value.trim();
    if (text === "") return;
    input.value = "";
    const item = append("You", text);
    item.classList.add("own");
    session.data({ room, type, payload: new TextEncoder().encode(text) }).catch((error: unknown) => {
      const problem = textElement("small", `Not sent. ${entryProblemInWords(error)}`);
      problem.classList.add("unsent");
      item.append(problem);
    });
  };
}

/** Forgets what was said. */
export function clearChat(): void {
  stopHearing();
  messages.replaceChildren();
  setUnread(0);
  showPanel(false);
}

function hear(event: Event, room: string): void {
  if (event.kind !== "dataReceived" || event.type !== type || event.room !== room) return;
  const name = nameOf(event.sender);
  const text = new TextDecoder().decode(event.payload);
  append(name, text);
  if (!panel.hidden) return; // Its messages are read out.
  announce(`${name} writes: ${text}`);
  setUnread(Number(unreadCount.textContent) + 1);
}

function append(name: string, text: string): HTMLElement {
  const item = document.createElement("p");
  item.append(textElement("b", name), text);
  messages.append(item);
  messages.scrollTop = messages.scrollHeight;
  return item;
}

toggle.onclick = () => {
  const show = toggle.ariaExpanded === "false";
  showPanel(show);
  if (show) input.focus();
};

function showPanel(show: boolean): void {
  panel.hidden = !show;
  toggle.ariaExpanded = String(show);
  if (!show) return;
  setUnread(0);
  messages.scrollTop = messages.scrollHeight;
}

function setUnread(count: number): void {
  unreadCount.textContent = String(count);
  unread.hidden = count === 0;
}
