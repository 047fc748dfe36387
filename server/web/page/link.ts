/** What a link to the page says behind its "#", which browsers do not send to the server. */
export interface Link {
  /** The room; undefined if it names none. */
  room: string | undefined;
  /** The access token; undefined if it has none. */
  token: string | undefined;
}

const tokenMark = "token=";

/** Reads the part of an address from its "#" on: `#lobby`, `#token=…`, or both with "&" between them. */
export function readHash(hash: string): Link {
  const parts = hash.slice(1).split("&");
  const token = parts.find((part) => part.startsWith(tokenMark))?.slice(tokenMark.length);
  const room = parts.filter((part) => !part.startsWith(tokenMark)).join("&");
  return { room: room === "" ? undefined : decode(room), token: token && decode(token) };
}

/** Makes the part of an address that names a room. */
export function hashOf(room: string): string {
  return `#${encodeURIComponent(room)}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // It was not encoded.
  }
}
