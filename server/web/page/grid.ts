/** The space between two tiles, in pixels. */
const gap = 8;

/** How large tiles can be, in as many columns as make their pictures largest, be the space wide or high. */
export function tileSize(count: number, spaceWidth: number, spaceHeight: number): { width: number; height: number } {
  let best = { width: 0, height: 0, picture: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const width = (spaceWidth - (columns - 1) * gap) / columns;
    const height = (spaceHeight - (rows - 1) * gap) / rows;
    const picture = Math.min(width, height * 1.5); // The width of a picture of 3:2 that fits into the tile.
    if (picture > best.picture) best = { width, height, picture };
  }
  // A tile that is very wide or very high would show little of a picture.
  const width = Math.min(best.width, best.height * 2);
  const height = Math.min(best.height, best.width * 1.4);
  return { width: Math.floor(width), height: Math.floor(height) };
}
