import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { trailerParse } from "@connectrpc/connect/protocol-grpc-web";

import {
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  ConnectResponseSchema,
  Resumption,
  type WelcomeSchema,
} from "../src/gen/beckon/v1/signal_pb.js";
import { Code } from "../src/index.js";
import { Queue } from "../src/queue.js";
import { encodeFrame } from "../src/transport/frame.js";
import type { WebSocketClass, WebSocketLike } from "../src/transport/socket.js";

type Said = Extract<ConnectRequest["message"], { case: string }>;

/** The messages by their kinds. */
type Values = { [S in Said as S["case"]]: S["value"] };

/** A server whose every word is the test's. Sessions reach it by its class of websockets. */
export class Script {
  /** For `Session.connect`. */
  readonly webSocket: WebSocketClass;
  readonly #streams = new Queue<ScriptedStream>();

  constructor() {
    const streams = this.#streams;
    this.webSocket = class extends ScriptedStream {
      constructor() {
        super();
        streams.push(this);
      }
    };
  }

  /** The next stream that a client opens. */
  async accept(): Promise<ScriptedStream> {
    const { value } = await this.#streams.next();
    return value as ScriptedStream;
  }

  /** How many streams were opened and not accepted. */
  get waiting(): number {
    return this.#streams.size;
  }
}

/** The server's end of one stream. */
export class ScriptedStream extends EventTarget implements WebSocketLike {
  binaryType = "";
  readyState = 0;
  /** The client's, once the stream is open. */
  headers = new Headers();
  /** What the client has said but for `received`, which comes whenever it is due. */
  readonly #requests = new Queue<ConnectRequest>();
  readonly #received: ConnectRequest[] = [];
  #begun = false;

  constructor() {
    super();
    queueMicrotask(() => {
      if (this.readyState !== 0) return;
      this.readyState = 1;
      this.dispatchEvent(new Event("open"));
    });
  }

  /** Called by the client. */
  send(data: Uint8Array): void {
    // The first message is the headers, and one byte alone is a half-close.
    if (this.#begun && data.length > 1) this.#take(fromBinary(ConnectRequestSchema, data.subarray(6)));
    else if (this.#begun) this.#requests.end();
    else this.headers = trailerParse(data);
    this.#begun = true;
  }

  /** Called by the client. */
  close(): void {
    this.readyState = 3;
    this.#requests.end();
  }

  /** The next message of the client; undefined at the end. */
  async hear(): Promise<ConnectRequest | undefined> {
    return (await this.#requests.next()).value;
  }

  /** The next message of the client, which has to be of a kind. */
  async hearThat<K extends keyof Values>(kind: K): Promise<Values[K]> {
    const request = await this.hear();
    if (request?.message.case !== kind) throw new Error(`heard ${request?.message.case}: want ${kind}`);
    const { value }: { value: unknown } = request.message;
    return value as Values[K];
  }

  /** What the client has said and nobody has heard. */
  unheard(): ConnectRequest[] {
    return this.#requests.drain();
  }

  /** What the client has said to have received since the last call: of each message the cursors. */
  received(): [room: string, epoch: string, seq: bigint][][] {
    return this.#received.splice(0).map(({ requestId, message }) => {
      if (requestId !== 0n || message.case !== "received")
        throw new Error(`received has the id ${requestId}: want none`);
      return message.value.cursors.map(({ room, epoch, seq }) => [room, epoch, seq]);
    });
  }

  /** Welcomes the client. */
  welcome(welcome: MessageInitShape<typeof WelcomeSchema> = {}): void {
    this.#write(block("content-type: application/grpc-web+proto\r\n"));
    const value = { userId: "ana", resumeToken: "token", epoch: "E1", resumption: Resumption.RESUMED, ...welcome };
    this.say({ case: "welcome", value });
  }

  /** Says something. */
  say(
    event: MessageInitShape<typeof ConnectResponseSchema>["event"],
    more: { room?: string; seq?: bigint; requestId?: bigint } = {},
  ): void {
    const response: ConnectResponse = create(ConnectResponseSchema, { event, ...more });
    this.#write(encodeFrame(toBinary(ConnectResponseSchema, response)));
  }

  /** Hears a message that has an outcome, and acknowledges it. @returns its id. */
  async ack(): Promise<bigint> {
    const { requestId } = (await this.hear())!;
    this.say({ case: "ack", value: {} }, { requestId });
    return requestId;
  }

  /** Ends the stream with a status. */
  end(code: Code, reason = ""): void {
    const details = reason === "" ? "" : `grpc-status-details-bin: ${statusDetails(code, reason)}\r\n`;
    this.#write(block(`grpc-status: ${code}\r\n${details}`));
  }

  /** Loses the connection. */
  lose(): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code: 1006 }));
  }

  #take(request: ConnectRequest): void {
    if (request.message.case === "received") this.#received.push(request);
    else this.#requests.push(request);
  }

  #write(data: Uint8Array<ArrayBuffer>): void {
    this.dispatchEvent(new MessageEvent("message", { data: data.buffer }));
  }
}

/** The frame of headers or trailers. */
function block(text: string): Uint8Array<ArrayBuffer> {
  const frame = encodeFrame(new TextEncoder().encode(text));
  frame[0] = 0x80;
  return frame;
}

/** A google.rpc.Status with a google.rpc.ErrorInfo, as a header has it. */
function statusDetails(code: Code, reason: string): string {
  const info = new BinaryWriter();
  info.tag(1, WireType.LengthDelimited).string(reason).tag(2, WireType.LengthDelimited).string("beckon");
  const any = new BinaryWriter();
  any.tag(1, WireType.LengthDelimited).string("type.googleapis.com/google.rpc.ErrorInfo");
  any.tag(2, WireType.LengthDelimited).bytes(info.finish());
  const status = new BinaryWriter().tag(1, WireType.Varint).int32(code);
  status.tag(3, WireType.LengthDelimited).bytes(any.finish());
  return btoa(String.fromCharCode(...status.finish()));
}
