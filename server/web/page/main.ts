// The page of a Beckon server: meet in a room, with camera, microphone, screen and chat.
//
// It is also an example of how @beckon/client is used: meeting.ts and chat.ts do all the talking to the server. Whatever
// comes from somebody else is shown as text, never as HTML.
import { clearChat } from "./chat.js";
import { control } from "./controls.js";
import { byId, dismissNotice, showNotice, within } from "./dom.js";
import { hashOf, readHash } from "./link.js";
import { Media } from "./media.js";
import { Meeting, type Place } from "./meeting.js";
import { askForToken, isAboutToken, readToken, useToken } from "./token.js";
import { deviceProblemInWords, entryProblemInWords } from "./words.js";

const entrance = byId("entrance");
const view = byId("meeting");
const form = byId<HTMLFormElement>("join");
const nameInput = within<HTMLInputElement>(form, "[name=name]");
const roomInput = within<HTMLInputElement>(form, "[name=room]");
const joinButton = within<HTMLButtonElement>(form, "button");
const leaveButton = byId<HTMLButtonElement>("leave");
const copyButton = byId<HTMLButtonElement>("copy-link");
const roomName = byId("room-name");

/** Where the browser keeps the name that was used last. */
const nameKey = "beckon.name";

form.onsubmit = async (submit) => {
  submit.preventDefault();
  joinButton.disabled = true;
  readToken();
  try {
    await enter({ name: nameInput.value.trim(), room: roomInput.value.trim() });
  } finally {
    joinButton.disabled = false;
  }
};

async function enter(place: Place): Promise<void> {
  dismissNotice();
  const media = new Media(place.name);
  const problems = await media.switchOn();
  const meeting = new Meeting(place, media);
  try {
    await meeting.enter();
  } catch (error) {
    media.close();
    showProblem(entryProblemInWords(error), error);
    return;
  }

  keepName(place.name);
  control(media);
  showMeeting(place.room);
  if (problems.length > 0)
    showNotice(problems.map(({ device, error }) => deviceProblemInWords(device, error)).join(" "));

  const leave = (): void => {
    meeting.leave();
    media.close();
    clearChat();
    showEntrance();
  };
  leaveButton.onclick = () => {
    dismissNotice();
    leave();
  };
  meeting.onEnd = (why, error) => {
    leave();
    showProblem(why, error);
  };
}

/** Tells why one is not in the room and, if that is what is missing, asks for an access token. */
function showProblem(why: string, error: unknown): void {
  showNotice(why);
  if (isAboutToken(error)) askForToken();
}

function showMeeting(room: string): void {
  history.replaceState(null, "", linkTo(room)); // Kept on a reload.
  document.title = `${room} · Beckon`;
  roomName.textContent = room;
  entrance.hidden = true;
  view.hidden = false;
  roomName.focus();
}

function showEntrance(): void {
  document.title = "Beckon";
  view.hidden = true;
  entrance.hidden = false;
  joinButton.focus();
}

copyButton.onclick = async () => {
  const link = linkTo(roomName.textContent); // Not what somebody may have made of the address since.
  try {
    await navigator.clipboard.writeText(link);
    showNotice("The link is copied. Whoever opens it can join this room.");
  } catch {
    showNotice(`This page may not copy. The link to this room is ${link}`);
  }
};

function linkTo(room: string): string {
  return new URL(hashOf(room), location.href).href;
}

/** Fills in the room of the link that was followed, and takes the access token out of the address. */
function readLink(): void {
  const { room, token } = readHash(location.hash);
  if (room !== undefined) roomInput.value = room;
  if (token === undefined) return;
  const shown = view.hidden ? room : roomName.textContent;
  history.replaceState(null, "", shown === undefined ? location.pathname + location.search : linkTo(shown));
  useToken(token);
}

function keptName(): string {
  try {
    return localStorage.getItem(nameKey) ?? "";
  } catch {
    return ""; // The browser lets the page keep nothing.
  }
}

function keepName(name: string): void {
  try {
    localStorage.setItem(nameKey, name);
  } catch {
    // Then it is asked again.
  }
}

addEventListener("hashchange", readLink);
readLink();
nameInput.value = keptName();
(nameInput.value === "" ? nameInput : roomInput.value === "" ? roomInput : joinButton).focus();
