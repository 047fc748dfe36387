import { Code, ConnectError } from "@connectrpc/connect";
import { headerGrpcStatus, trailerParse, validateTrailer } from "@connectrpc/connect/protocol-grpc-web";

import { Queue } from "../queue.js";
import { encodeHeaders, encodeMessage, finish, type Frame, FrameReader } from "./frame.js";

/** What is used of a websocket. */
export interface WebSocketLike {
  /** Set to "arraybuffer". */
  binaryType: string;
  /** 1 is open. */
  readonly readyState: number;
  /** Sends a message of bytes. */
  send(data: Uint8Array<ArrayBuffer>): void;
  /** Begins to close. */
  close(code?: number, reason?: string): void;
  /** Calls `listener` at every event of that type. */
  addEventListener(type: "open" | "message" | "error" | "close", listener: (event: any) => void): void;
}

/** The class `WebSocket` of a browser, or one like it. */
export type WebSocketClass = new (url: string, protocol: string) => WebSocketLike;

/** The cause of the ConnectError of a websocket that did not open, or on which the server said nothing. */
export class NotOpened extends Error {}

/** The websocket subprotocol of grpc-web. */
const subprotocol = "grpc-websockets";
const opened = 1;
/** The code with which a websocket closes because of a message far too large. */
const tooLarge = 1009;

/** One gRPC call over a websocket of its own: encoded messages both ways. */
export class Socket {
  /** The headers of the response. Rejects with the end of the call if that comes first. */
  readonly header: Promise<Headers>;
  /** The messages of the response. Ends with the status OK, throws a ConnectError with any other. */
  readonly messages = new Queue<Uint8Array>();
  /** Filled at the end. */
  readonly trailer = new Headers();

  readonly #ws: WebSocketLike;
  readonly #frames = new FrameReader();
  readonly #timer: ReturnType<typeof setTimeout>;
  /** What is sent before the socket is open. */
  #early: Uint8Array<ArrayBuffer>[] = [];
  #header: Headers | undefined;
  #settle!: { resolve(header: Headers): void; reject(error: unknown): void };
  #over = false;

  /** Opens it. `url` is that of the method, with http or https. */
  constructor(WebSocket: WebSocketClass, url: string, headers: Headers, openTimeout: number) {
    this.header = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.header.catch(() => {}); // Who wants to know asks.
    this.#early.push(encodeHeaders(headers));
    this.#ws = new WebSocket(url.replace(/^http/i, "ws"), subprotocol);
    this.#ws.binaryType = "arraybuffer";
    this.#ws.addEventListener("open", () => this.#opened());
    this.#ws.addEventListener("message", (event: { data: unknown }) => this.#arrived(event.data));
    this.#ws.addEventListener("error", () => {}); // "close" follows, and tells as much.
    this.#ws.addEventListener("close", (event: { code: number }) => this.#closed(event.code));
    this.#timer = setTimeout(() => this.#notOpened(`no word from the server for ${openTimeout} ms`), openTimeout);
  }

  /** Sends an encoded message. After the end it does nothing. */
  send(message: Uint8Array): void {
    this.#transmit(encodeMessage(message));
  }

  /** Says that nothing more will be sent. */
  finish(): void {
    this.#transmit(finish);
  }

  /** Ends the call from this side, without a word to the server. */
  abort(error: ConnectError): void {
    this.#end(error);
  }

  #transmit(data: Uint8Array<ArrayBuffer>): void {
    if (this.#over) return;
    if (this.#ws.readyState === opened && this.#early.length === 0) this.#ws.send(data);
    else this.#early.push(data);
  }

  #opened(): void {
    if (this.#over) return;
    const early = this.#early;
    this.#early = [];
    for (const data of early) this.#transmit(data);
  }

  #notOpened(why: string): void {
    this.#end(new ConnectError(`websocket: ${why}`, Code.Unavailable, undefined, undefined, new NotOpened(why)));
  }

  #closed(code: number): void {
    if (this.#header === undefined) this.#notOpened(`closed with ${code} before the server said anything`);
    else if (code === tooLarge) this.#end(new ConnectError("a message was too large", Code.ResourceExhausted));
    else this.#end(new ConnectError(`the connection was lost (websocket code ${code})`, Code.Unavailable));
  }

  #arrived(data: unknown): void {
    if (this.#over) return;
    try {
      if (!(data instanceof ArrayBuffer)) throw new ConnectError("a websocket message of text", Code.Internal);
      for (const frame of this.#frames.push(new Uint8Array(data))) this.#take(frame);
    } catch (error) {
      this.#end(ConnectError.from(error, Code.Internal));
    }
  }

  #take(frame: Frame): void {
    if (this.#over) return;
    if (frame.kind === "message") {
      this.messages.push(frame.data);
      return;
    }
    const fields = trailerParse(frame.data);
    // The trailers come alone when the call ends without a message.
    if (fields.has(headerGrpcStatus) || this.#header !== undefined) {
      fields.forEach((value, name) => this.trailer.set(name, value));
      validateTrailer(fields, this.#header ?? new Headers());
      this.#end();
      return;
    }
    clearTimeout(this.#timer);
    this.#header = fields;
    this.#settle.resolve(fields);
  }

  #end(error?: ConnectError): void {
    if (this.#over) return;
    this.#over = true;
    this.#early = [];
    clearTimeout(this.#timer);
    if (error === undefined) this.#settle.resolve(this.#header ?? new Headers());
    else this.#settle.reject(error);
    this.messages.end(error);
    this.#ws.close();
  }
}
