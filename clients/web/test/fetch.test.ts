import assert from "node:assert/strict";
import { after, before, test, type TestContext } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { WebSocket } from "ws";

import { SendRequestSchema } from "../src/gen/beckon/v1/signal_pb.js";
import { Code, EndError, Presence, Session, type SessionOptions } from "../src/index.js";
import { startServer, type TestServer } from "./server.js";

let server: TestServer;
before(async () => (server = await startServer("--heartbeat-interval=1s")));
after(() => server.stop("SIGKILL"));

async function open(t: TestContext, options: SessionOptions = {}): Promise<Session> {
  const session = await Session.connect(server.url, { transport: "fetch", ...options });
  t.after(() => session.abort());
  return session;
}

/** The calls of Send that `fetch` was given, and what came of them, but for those of nothing but `received`. */
class Sends {
  count = 0;
  /** Called with each; what it throws is what fetch fails with. */
  onSend: (init: RequestInit, count: number) => void = () => {};
  /** Called with each after the server has had it. */
  onSent: (count: number) => void = () => {};

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    if (!String(input).endsWith("/Send") || tellsOnly(init!.body as Uint8Array)) return globalThis.fetch(input, init);
    const count = ++this.count;
    this.onSend(init ?? {}, count);
    const response = await globalThis.fetch(input, init);
    this.onSent(count);
    return response;
  };
}

/** Whether a Send has nothing but `received`. */
function tellsOnly(body: Uint8Array): boolean {
  return fromBinary(SendRequestSchema, body.subarray(5)).messages.every(({ message }) => message.case === "received");
}

test("where websockets are blocked", async (t) => {
  class Closed extends WebSocket {
    constructor() {
      super("ws://127.0.0.1:1");
    }
  }
  class Stuck extends EventTarget {
    binaryType = "";
    readonly readyState = 0;
    send(): void {}
    close(): void {}
  }
  for (const [what, webSocket] of [
    ["refused", Closed],
    ["no answer", Stuck],
    ["none at all", undefined],
  ] as const) {
    const session = await open(t, { transport: undefined, webSocket, openTimeout: 100 });
    assert.equal(session.transport, "fetch", what);
    const opening = Session.connect(server.url, { transport: "websocket", webSocket, openTimeout: 100 });
    await assert.rejects(opening, (error) => error instanceof EndError && error.code === Code.Unavailable, what);
  }
});

test("a session over Listen and Send", async (t) => {
  const [ana, bob] = [await open(t), await open(t)];
  const fromBob = bob.events();
  await bob.join({ room: "talk", name: "bob", presence: Presence.DELTA });
  assert.equal((await fromBob.next()).value.kind, "joinedUsers");
  await ana.join({ room: "talk", name: "ana", presence: Presence.NONE });
  assert.equal((await fromBob.next()).value.kind, "userJoined");
  const calls = Array.from({ length: 50 }, (_, i) => ana.data({ to: bob.id, room: "talk", type: `${i}` }));
  await Promise.all(calls);
  for (let i = 0; i < 50; i++) assert.equal((await fromBob.next()).value.type, `${i}`);
  await assert.rejects(ana.leave("elsewhere"), { name: "Failure" });

  // Longer than the server is patient with the silent.
  await new Promise((resolve) => setTimeout(resolve, 3500));
  const last = ana.data({ room: "talk", type: "bye" });
  assert.equal(await ana.close(), undefined);
  await last;
  assert.equal((await fromBob.next()).value.type, "bye");
  assert.equal((await fromBob.next()).value.kind, "userLeft");
});

test("large messages go in parts", async (t) => {
  const sends = new Sends();
  const ana = await open(t, { fetch: sends.fetch });
  await ana.join({ room: "large", presence: Presence.NONE });
  sends.onSend = ({ body }) => assert.ok((body as Uint8Array).length < 270_000);
  await Promise.all(Array.from({ length: 6 }, () => ana.data({ room: "large", payload: new Uint8Array(100_000) })));
  assert.ok(sends.count > 3);
});

test("a Send that is lost is sent again, on another stream", async (t) => {
  const sends = new Sends();
  const ana = await open(t, { fetch: sends.fetch });
  const bob = await open(t);
  const fromBob = bob.events();
  await bob.join({ room: "lossy", presence: Presence.NONE });
  assert.equal((await fromBob.next()).value.kind, "joinedUsers");
  sends.onSend = (_init, count) => {
    if (count === 1) throw new TypeError("Failed to fetch");
  };
  sends.onSent = (count) => {
    if (count === 3) throw new TypeError("network error");
  };
  const causes: string[] = [];
  ana.subscribe((event) => event.kind === "reconnecting" && causes.push(event.cause.detail));
  await ana.join({ room: "lossy", presence: Presence.NONE });
  for (const type of ["1", "2", "3"]) await ana.data({ to: bob.id, room: "lossy", type });
  assert.equal(causes.length, 2);
  for (const cause of causes) assert.match(cause, /the connection was lost/);
  for (const type of ["1", "2", "3"]) assert.equal((await fromBob.next()).value.type, type, "once each");
});

test("a Send that cannot be ends the session", async (t) => {
  const ana = await open(t, {
    fetch: async (input, init) =>
      String(input).endsWith("/Send") ? new Response(null, { status: 404 }) : globalThis.fetch(input, init),
  });
  const joined = ana.join({ room: "none" });
  const end = await ana.ended;
  assert.equal(end?.code, Code.Unimplemented);
  await assert.rejects(joined, end);
});

test("a page that goes", async (t) => {
  const page = new EventTarget();
  for (const name of ["addEventListener", "removeEventListener"] as const) {
    Object.assign(globalThis, { [name]: page[name].bind(page) });
    t.after(() => delete (globalThis as Record<string, unknown>)[name]);
  }
  const sends = new Sends();
  const kept: unknown[] = [];
  const ana = await open(t, { fetch: sends.fetch });
  await ana.join({ room: "page" });
  sends.onSend = ({ keepalive }) => kept.push(keepalive);
  page.dispatchEvent(new Event("pagehide"));
  assert.deepEqual(kept, [true], "sent at once");
  assert.equal(await ana.ended, undefined);
});

test("a page that goes, and whose goodbye gets lost", { timeout: 10_000 }, async (t) => {
  const page = new EventTarget();
  for (const name of ["addEventListener", "removeEventListener"] as const) {
    Object.assign(globalThis, { [name]: page[name].bind(page) });
    t.after(() => delete (globalThis as Record<string, unknown>)[name]);
  }
  const sends = new Sends();
  const ana = await open(t, { fetch: sends.fetch });
  await ana.join({ room: "page" });
  const before = sends.count;
  sends.onSend = (_init, count) => {
    if (count === before + 1) throw new TypeError("Failed to fetch");
  };
  page.dispatchEvent(new Event("pagehide"));
  assert.equal(await ana.ended, undefined);
  assert.equal(sends.count, before + 2, "said once again");
});
