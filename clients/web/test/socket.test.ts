import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";

import { Code, EndError, Session } from "../src/index.js";
import {
  ConnectRequestSchema,
  type ConnectResponse,
  ConnectResponseSchema,
  Signal,
} from "../src/gen/beckon/v1/signal_pb.js";
import { Queue } from "../src/queue.js";
import { encodeFrame } from "../src/transport/frame.js";
import type { WebSocketLike } from "../src/transport/socket.js";
import { createWebSocketTransport } from "../src/transport/websocket.js";

/** A websocket whose other end is the test. */
class FakeSocket extends EventTarget implements WebSocketLike {
  static last: FakeSocket;

  binaryType = "";
  readyState = 0;
  readonly sent: Uint8Array[] = [];

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    super();
    FakeSocket.last = this;
  }

  send(data: Uint8Array): void {
    assert.equal(this.readyState, 1, "sent while not open");
    this.sent.push(data);
  }

  close(): void {
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  say(...pieces: Uint8Array[]): void {
    for (const { buffer } of pieces.map((piece) => Uint8Array.from(piece))) {
      this.dispatchEvent(new MessageEvent("message", { data: buffer }));
    }
  }

  lose(code = 1006): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

const transport = createWebSocketTransport({
  baseUrl: "https://example.org/base",
  webSocket: FakeSocket,
  openTimeout: 50,
});

/** The frame of headers or trailers. */
function block(text: string): Uint8Array {
  const frame = encodeFrame(new TextEncoder().encode(text));
  frame[0] = 0x80;
  return frame;
}

const message = (event: ConnectResponse["event"], room = ""): Uint8Array =>
  encodeFrame(toBinary(ConnectResponseSchema, create(ConnectResponseSchema, { room, event })));

const welcome = message({ case: "welcome", value: { userId: "ana" } } as ConnectResponse["event"]);

/** Opens a stream; the socket is open once this resolves. */
async function open(signal?: AbortSignal) {
  const requests = new Queue<{ requestId: bigint }>();
  const responses = createClient(Signal, transport)
    .connect(requests, { signal, headers: { authorization: "Bearer t" } })
    [Symbol.asyncIterator]();
  const first = responses.next();
  first.catch(() => {});
  await new Promise(setImmediate);
  FakeSocket.last.open();
  return { requests, responses, first, socket: FakeSocket.last };
}

test("a stream: headers, messages, half-close, trailers", async () => {
  const { requests, responses, first, socket } = await open();
  requests.push({ requestId: 5n });
  requests.end();
  await new Promise(setImmediate);
  assert.equal(socket.url, "wss://example.org/base/beckon.v1.Signal/Connect");
  assert.equal(socket.protocol, "grpc-websockets");
  assert.equal(socket.binaryType, "arraybuffer");
  const [headers, request, finish, ...more] = socket.sent as [Uint8Array, Uint8Array, Uint8Array, ...Uint8Array[]];
  const text = new TextDecoder().decode(headers);
  for (const line of ["authorization: Bearer t", "content-type: application/grpc-web+proto", "x-grpc-web: 1"]) {
    assert.ok(text.split("\r\n").includes(line), `${line} in ${text}`);
  }
  assert.equal(request[0], 0);
  assert.equal(fromBinary(ConnectRequestSchema, request.subarray(6)).requestId, 5n);
  assert.deepEqual([...finish], [1]);
  assert.deepEqual(more, []);

  // As the server sends them: the prefix of headers is a message of its own.
  socket.say(block("content-type: x\r\n").slice(0, 5), block("content-type: x\r\n").slice(5), welcome, welcome);
  socket.say(block("grpc-status: 0\r\n"));
  assert.equal((await first).value.event.value.userId, "ana");
  assert.equal((await responses.next()).value.event.case, "welcome");
  assert.equal((await responses.next()).done, true);
  assert.equal(socket.readyState, 3, "closed");
});

test("how a stream ends", async () => {
  for (const [what, end, code, text] of [
    [
      "a status",
      (s: FakeSocket) => s.say(block("grpc-status: 5\r\ngrpc-message: not%20here\r\n")),
      Code.NotFound,
      "not here",
    ],
    [
      "a status after headers",
      (s: FakeSocket) => s.say(block("a: b\r\n"), block("grpc-status: 10\r\n")),
      Code.Aborted,
      "",
    ],
    ["a loss", (s: FakeSocket) => s.lose(1001), Code.Unavailable, "1001"],
    [
      "a message far too large",
      (s: FakeSocket) => (s.say(block("a: b\r\n")), s.lose(1009)),
      Code.ResourceExhausted,
      "",
    ],
    ["silence", () => {}, Code.Unavailable, "no word"],
    ["a loss after the headers", (s: FakeSocket) => (s.say(block("a: b\r\n")), s.lose()), Code.Unavailable, "1006"],
    ["no grpc-web", (s: FakeSocket) => s.say(new TextEncoder().encode("<html>")), Code.Internal, "flags 60"],
  ] as const) {
    const { first, socket } = await open();
    end(socket);
    await assert.rejects(
      first,
      (error: { code: Code; rawMessage: string }) => error.code === code && error.rawMessage.includes(text),
      what,
    );
    assert.equal(socket.readyState, 3, `${what}: closed`);
  }
});

test("a cancelled stream closes its socket without half-close", async () => {
  const life = new AbortController();
  const { first, socket } = await open(life.signal);
  life.abort();
  await assert.rejects(first, { code: Code.Canceled });
  assert.equal(socket.readyState, 3);
  assert.equal(socket.sent.length, 1, "headers alone were sent");
});

test("a session whose events nobody takes ends", async () => {
  const connecting = Session.connect("http://example.org", { webSocket: FakeSocket, queue: 2 });
  await new Promise(setImmediate);
  FakeSocket.last.open();
  FakeSocket.last.say(block("a: b\r\n"), welcome);
  const session = await connecting;
  const joined = session.join({ room: "lobby" });
  const draining = message({ case: "draining", value: {} } as ConnectResponse["event"]);
  FakeSocket.last.say(draining, draining, draining, draining);
  const end = await session.ended;
  assert.equal(end?.code, Code.ResourceExhausted);
  assert.equal(end?.reason, "SLOW_CONSUMER");
  await assert.rejects(joined, end);
  assert.equal(FakeSocket.last.readyState, 3);
  await assert.rejects(async () => {
    for await (const { kind } of session.events()) assert.match(kind, /^(draining|ended)$/);
  }, end);
});

test("what is no Beckon server", async () => {
  const connecting = Session.connect("http://example.org", { webSocket: FakeSocket, queue: 2 });
  await new Promise(setImmediate);
  FakeSocket.last.open();
  FakeSocket.last.say(block("a: b\r\n"), message({ case: "pong", value: {} } as ConnectResponse["event"]));
  await assert.rejects(connecting, (error) => error instanceof EndError && error.code === Code.Internal);
});

test("a stream that never opens leaves nothing at its signal", async () => {
  const refuse = class extends FakeSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol);
      setTimeout(() => this.dispatchEvent(Object.assign(new Event("close"), { code: 1006 })));
    }
  };
  const transport = createWebSocketTransport({ baseUrl: "http://test", webSocket: refuse, openTimeout: 1000 });
  const { signal } = new AbortController();
  const nothing = (async function* () {})();
  await assert.rejects(transport.stream(Signal.method.connect, signal, undefined, undefined, nothing));
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
