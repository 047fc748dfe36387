import { byId, within } from "./dom.js";

/** What a tile shows. */
export interface Tile {
  name: string;
  /** How the connection is, in a few words; may be empty. */
  state: string;
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
export function showTile(id: string, { name, state, stream, veil, muted, whole, mirrored, silent }: Tile): void {
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

/** The space between two tiles, in pixels. */
const gap = 8;

/** Lays the tiles out in as many columns as make the pictures largest, be the window wide or high. */
function arrange(): void {
  const count = Math.max(tiles.size, 1);
  const { clientWidth, clientHeight } = list;
  let best = { width: 0, height: 0, picture: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const width = (clientWidth - (columns - 1) * gap) / columns;
    const height = (clientHeight - (rows - 1) * gap) / rows;
    const picture = Math.min(width, height * 1.5); // The width of a picture of 3:2 that fits into the tile.
    if (picture > best.picture) best = { width, height, picture };
  }
  // A tile that is very wide or very high would show little of a picture.
  const width = Math.min(best.width, best.height * 2);
  const height = Math.min(best.height, best.width * 1.4);
  list.style.setProperty("--tile-width", `${Math.floor(width)}px`);
  list.style.setProperty("--tile-height", `${Math.floor(height)}px`);
}

new ResizeObserver(arrange).observe(list);

/** Leaves a text that is the same alone, so that a screen reader does not lose its place. */
function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
