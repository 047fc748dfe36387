const salt = "beckon call verification 1";
const iterations = 100_000;
const fingerprintBytes = 32;
/** A code has so many groups of five digits, each made of five bytes. */
const groups = 6;
const groupBytes = 5;

/**
 * The code that two people compare to know that nobody sits between them; see {@link Call.verify}. For who has an
 * RTCPeerConnection of their own: `local` and `remote` are the SDP of its `currentLocalDescription` and
 * `currentRemoteDescription`. Both sides get the same code, since the order of the two does not matter.
 *
 * It is made of the two certificates' fingerprints, PBKDF2 with HMAC-SHA256 and 100,000 iterations: 30 digits. Rejects
 * with an Error if a description has anything but one fingerprint, of SHA-256, and where the browser has no
 * `crypto.subtle`, as in pages that came without encryption.
 */
export async function verificationCode(local: string, remote: string): Promise<string> {
  const prints = [fingerprint("local", local), fingerprint("remote", remote)].sort();
  const { subtle } = globalThis.crypto;
  if (subtle === undefined)
    throw new Error("there is no crypto.subtle: browsers have it in pages that come by https:// or from localhost");
  const password = await subtle.importKey("raw", bytesOf(prints.join("")), "PBKDF2", false, ["deriveBits"]);
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt: new TextEncoder().encode(salt), iterations };
  const bits = new DataView(await subtle.deriveBits(algorithm, password, groups * groupBytes * 8));
  return Array.from({ length: groups }, (_, i) => {
    const at = i * groupBytes;
    const number = bits.getUint8(at) * 2 ** 32 + bits.getUint32(at + 1);
    return String(number % 100_000).padStart(5, "0");
  }).join(" ");
}

/** The one fingerprint of a description, in hexadecimal digits. @throws Error if there is not exactly one to rely on. */
function fingerprint(whose: "local" | "remote", sdp: string): string {
  const found = new Set<string>();
  for (const line of sdp.split(/\r\n|\r|\n/)) {
    const [, value] = /^a=fingerprint:(.*)$/.exec(line) ?? [];
    if (value !== undefined) found.add(value.toLowerCase());
  }
  const wrong = (what: string): Error =>
    new Error(
      `the ${whose} description has ${what}: expected one fingerprint, of sha-256 and ${fingerprintBytes} bytes`,
    );
  if (found.size === 0) throw wrong("no fingerprint");
  // One of several may be that of somebody in between.
  if (found.size > 1) throw wrong(`${found.size} different fingerprints (${[...found].join(", ")})`);
  const [value = ""] = found;
  const [, algorithm, digits = ""] = /^(\S+) (\S+)$/.exec(value) ?? [];
  if (algorithm !== "sha-256") throw wrong(`the fingerprint "${value}"`);
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2})*$/.test(digits)) throw wrong(`the fingerprint "${value}", which cannot be read`);
  const bytes = digits.split(":");
  if (bytes.length !== fingerprintBytes) throw wrong(`a fingerprint of ${bytes.length} bytes`);
  return bytes.join("");
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}
