import type { Code } from "./code.js";
import { byId, within } from "./dom.js";
import { tileSize } from "./grid.js";

/** What a tile shows. */
export interface Tile {
  name: string;
  /** How the connection is, in a few words; may be empty. */
  state: string;
  /** The call's security code; undefined if there is nothing to show. */
  code: Code | undefined;
  stream: MediaStream;
  /** In place of the picture: why it is not there. Empty: it is. */
  veil: string;
  /** Whether a sign shows that nothing is to be heard. */
  muted: boolean;
  /** Whether the picture is shown whole, as a screen, or fills the tile, as a face. */
  whole: boolean;
  /** Whether the picture is shown as in a mirror: one's own face. */
  mirrored: boolean;
  /** Whether the sound is left out: one's own. */
  silent: boolean;
}

const list = byId<HTMLUListElement>("tiles");
const template = byId<HTMLTemplateElement>("tile");
const tiles = new Map<string, HTMLLIElement>();

/** Shows a tile, or shows it as it is now. */
export function showTile(id: string, { name, state, code, stream, veil, muted, whole, mirrored, silent }: Tile): void {
  let tile = tiles.get(id);
  if (!tile) {
    tile = within<HTMLLIElement>(template.content.cloneNode(true) as DocumentFragment, "li");
    tiles.set(id, tile);
    list.append(tile);
    arrange();
  }
  tile.classList.toggle("muted", muted);
  tile.classList.toggle("whole", whole);
  tile.classList.toggle("mirrored", mirrored);
  setText(within(tile, ".veil"), veil);
  setText(within(tile, ".caption span"), name);
  setText(within(tile, ".caption small"), state);
  const codeLine = within<HTMLElement>(tile, ".code");
  setText(codeLine, code?.text ?? "");
  codeLine.title = code?.title ?? "";

  const video = within<HTMLVideoElement>(tile, "video");
  video.muted = silent;
  video.ariaLabel = `Picture of ${name}`;
  if (video.srcObject !== stream) video.srcObject = stream;
}

/** Takes a tile away. */
export function removeTile(id: string): void {
  tiles.get(id)?.remove();
  if (tiles.delete(id)) arrange();
}

/** Takes all tiles away. */
export function removeTiles(): void {
  for (const id of tiles.keys()) removeTile(id);
}

function arrange(): void {
  const { width, height } = tileSize(tiles.size, list.clientWidth, list.clientHeight);
  list.style.setProperty("--tile-width", `${width}px`);
  list.style.setProperty("--tile-height", `${height}px`);
}

new ResizeObserver(arrange).observe(list);

/** Leaves a text that is the same alone, so that a screen reader does not lose its place. */
function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
