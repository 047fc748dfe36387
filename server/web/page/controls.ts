import { byId, dismissNotice, showNotice, within } from "./dom.js";
import { isForbidden, type Media } from "./media.js";
import { deviceProblemInWords } from "./words.js";

const microphone = byId<HTMLButtonElement>("microphone");
const camera = byId<HTMLButtonElement>("camera");
const screen = byId<HTMLButtonElement>("screen");

/** Has the buttons below the tiles switch what one sends. */
export function control(media: Media): void {
  onPress(media, microphone, "microphone", () => media.switchMicrophone(!media.microphone));
  onPress(media, camera, "camera", () => media.switchCamera(!media.camera));
  onPress(media, screen, "screen", () => media.switchScreen(media.picture !== "screen"));
  screen.hidden = !("getDisplayMedia" in (navigator.mediaDevices ?? {})); // As on phones.
  media.subscribe(() => show(media));
  show(media);
}

/** Shows what is on and what is off. */
function show(media: Media): void {
  microphone.ariaPressed = String(media.microphone);
  camera.ariaPressed = String(media.camera);
  screen.ariaPressed = String(media.picture === "screen");
  within(screen, "span").textContent = media.picture === "screen" ? "Stop sharing" : "Share screen";
}

function onPress(media: Media, button: HTMLButtonElement, device: string, act: () => Promise<void>): void {
  button.disabled = false; // A device may have been asked for when one left.
  button.onclick = async () => {
    button.disabled = true;
    try {
      await act();
      if (!media.closed) dismissNotice();
    } catch (error) {
      if (media.closed) return;
      // Who thinks better of sharing the screen has done nothing that must be explained.
      if (device !== "screen" || !isForbidden(error)) showNotice(deviceProblemInWords(device, error));
    } finally {
      if (!media.closed) {
        button.disabled = false;
        button.focus();
      }
    }
  };
}
