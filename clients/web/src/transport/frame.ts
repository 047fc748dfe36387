import { Code, ConnectError } from "@connectrpc/connect";

/** The flag of a frame that holds headers or trailers. */
const headersFlag = 0x80;
/** A frame begins with its flags, in one byte, and the length of what follows, in four. */
const prefixBytes = 5;
/** More than any frame of a server that is one. */
const maxFrameBytes = 64 << 20;

/** What a websocket's first byte says about the rest of a message from the client: it is data, or all was sent. */
const dataMark = 0;
const finishMark = 1;

/** A part of a grpc-web body. */
export interface Frame {
  readonly kind: "message" | "headers";
  readonly data: Uint8Array;
}

/** The websocket message that opens the stream: headers as text. */
export function encodeHeaders(headers: Headers): Uint8Array<ArrayBuffer> {
  let text = "";
  headers.forEach((value, name) => (text += `${name}: ${value}\r\n`));
  return new TextEncoder().encode(text);
}

/** The frame of an encoded message. */
export function encodeFrame(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(prefixBytes + message.length);
  new DataView(out.buffer).setUint32(1, message.length);
  out.set(message, prefixBytes);
  return out;
}

/** The websocket message that carries an encoded message. */
export function encodeMessage(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = encodeFrame(message);
  const out = new Uint8Array(1 + frame.length);
  out[0] = dataMark;
  out.set(frame, 1);
  return out;
}

/** The websocket message that says that nothing more will be sent. */
export const finish: Uint8Array<ArrayBuffer> = new Uint8Array([finishMark]);

/** Cuts what arrives, in pieces of any size, into frames. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** How many bytes the next frame needs, as far as is known. */
  #need = prefixBytes;

  /** Adds a piece. @returns the frames that are complete with it. @throws ConnectError if it is no grpc-web. */
  push(chunk: Uint8Array): Frame[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const frames: Frame[] = [];
    while (this.#size >= this.#need) {
      const bytes = this.#join();
      const kind = kindOf(bytes[0] as number);
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
      if (length > maxFrameBytes) throw new ConnectError(`a frame of ${length} bytes`, Code.Internal);
      this.#need = prefixBytes + length;
      if (this.#size < this.#need) break;
      frames.push({ kind, data: bytes.slice(prefixBytes, this.#need) });
      this.#chunks = [bytes.subarray(this.#need)];
      this.#size -= this.#need;
      this.#need = prefixBytes;
    }
    return frames;
  }

  #join(): Uint8Array {
    if (this.#chunks.length !== 1) {
      const bytes = new Uint8Array(this.#size);
      let at = 0;
      for (const chunk of this.#chunks) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
      this.#chunks = [bytes];
    }
    return this.#chunks[0] as Uint8Array;
  }
}

function kindOf(flags: number): Frame["kind"] {
  if (flags === 0) return "message";
  if (flags === headersFlag) return "headers";
  throw new ConnectError(`a frame with the flags ${flags}: expected grpc-web without compression`, Code.Internal);
}
