// Sessions that lose the network between them and a real server.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { WebSocket } from "ws";

import {
  Code,
  type Event as SessionEvent,
  type EventOf,
  Failure,
  FailureCode,
  LeaveReason,
  Presence,
  Session,
  type SessionOptions,
  UserStatus,
} from "../src/index.js";
import { type Proxy, startProxy } from "./proxy.js";
import { startServer, type TestServer } from "./server.js";

let server: TestServer;
before(async () => (server = await startServer("--heartbeat-interval=1s")));
after(() => server.stop("SIGKILL"));

const transports = ["websocket", "fetch"] as const;

/** What somebody hears, taken kind by kind. */
class Ear {
  readonly heard: SessionEvent[] = [];
  #wake = (): void => {};

  constructor(session: Session) {
    session.subscribe((event) => {
      this.heard.push(event);
      this.#wake();
    });
  }

  /** Takes the first event of a kind, and waits for it. */
  async next<K extends SessionEvent["kind"]>(kind: K): Promise<EventOf<K>> {
    for (;;) {
      const i = this.heard.findIndex((event) => event.kind === kind);
      if (i >= 0) return this.heard.splice(i, 1)[0] as EventOf<K>;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  kinds(): string[] {
    return this.heard.map(({ kind }) => kind);
  }
}

/** A page of the test's own. */
function page(t: TestContext): EventTarget {
  const window = new EventTarget();
  for (const name of ["addEventListener", "removeEventListener"] as const) {
    Object.assign(globalThis, { [name]: window[name].bind(window) });
    t.after(() => delete (globalThis as Record<string, unknown>)[name]);
  }
  return window;
}

/**
 * Ana, whose network can fail, and bob, whose cannot, in a room; both have heard who is there. `window` is that of ana's
 * page.
 */
async function pair(t: TestContext, options: SessionOptions, at = server) {
  const proxy: Proxy = await startProxy(at.url);
  t.after(() => proxy.stop());
  const open = async (url: string, more: SessionOptions) => {
    const session = await Session.connect(url, { webSocket: WebSocket, ...more });
    t.after(() => session.abort());
    return { session, ear: new Ear(session) };
  };
  const room = t.name.slice(0, 100);
  const bob = await open(at.url, {});
  await bob.session.join({ room, name: "bob", presence: Presence.DELTA });
  await bob.ear.next("joinedUsers");
  const window = page(t);
  const ana = await open(proxy.url, options);
  await ana.session.join({ room, name: "ana", presence: Presence.DELTA });
  await ana.ear.next("joinedUsers");
  await bob.ear.next("userJoined");
  return { proxy, room, ana, bob, window };
}

for (const transport of transports) {
  test(`a connection that is cut again and again, over ${transport}`, { timeout: 60_000 }, async (t) => {
    const { proxy, room, ana, bob } = await pair(t, { transport });
    const calls: Promise<bigint>[] = [];
    const count = 200;
    for (let i = 0; i < count; i++) {
      calls.push(ana.session.data({ to: bob.session.id, room, type: `${i}` }));
      await bob.session.data({ to: ana.session.id, room, type: `${i}` });
      if (i % 40 !== 20) continue;
      proxy.cut();
      await ana.ear.next("resumed");
    }
    await Promise.all(calls);
    for (const { ear } of [ana, bob])
      for (let i = 0; i < count; i++) assert.equal((await ear.next("dataReceived")).type, `${i}`, "once and in order");
    assert.deepEqual(bob.ear.kinds(), [], "bob has noticed nothing");
    assert.deepEqual(
      ana.ear.kinds().filter((kind) => kind !== "joinedUsers" && kind !== "reconnecting"),
      [],
    );
    assert.equal(ana.session.transport, transport);
  });

  test(`a message whose outcome is lost is recorded once, over ${transport}`, async (t) => {
    let joining: Promise<Response> | undefined;
    const { proxy, room, ana, bob } = await pair(t, {
      transport,
      fetch: (input, init) => {
        if (!String(input).endsWith("/Send")) return fetch(input, init);
        joining = fetch(input, init).then(async (response) => new Response(await response.arrayBuffer(), response));
        return joining;
      },
    });
    await joining; // A Send waits for the one before.
    proxy.swallow("answers");
    const calls = ["1", "2"].map((type) => ana.session.data({ to: bob.session.id, room, type }));
    const to = "nobody";
    const failing = assert.rejects(ana.session.data({ to, room }), { name: "Failure" });
    assert.equal((await bob.ear.next("dataReceived")).type, "1");
    proxy.cut();
    proxy.heal();
    await Promise.all([...calls, failing]);
    assert.equal((await bob.ear.next("dataReceived")).type, "2");
    await ana.session.data({ to: bob.session.id, room, type: "3" });
    assert.equal((await bob.ear.next("dataReceived")).type, "3");
  });

  test(`a network that is gone for a while, over ${transport}`, { timeout: 60_000 }, async (t) => {
    const { proxy, room, ana, bob, window } = await pair(t, { transport, openTimeout: 1000 });
    proxy.swallow();
    const early = ana.session.data({ to: bob.session.id, room, type: "early" });
    window.dispatchEvent(new Event("online"));
    const { cause } = await ana.ear.next("reconnecting");
    assert.equal(cause.reason, "SILENT");
    const late = ana.session.data({ to: bob.session.id, room, type: "late" });
    await bob.session.data({ to: ana.session.id, room, type: "missed" });
    // The server hears that she is silent only once she has pinged, as a websocket begins.
    const noticed = transport === "websocket";
    if (noticed) assert.equal((await bob.ear.next("userUpdated")).user.status, UserStatus.AWAY);
    // An attempt or more are swallowed, too, and arrive late.
    await ana.ear.next("reconnecting");
    proxy.heal();
    assert.equal((await ana.ear.next("resumed")).networkChanged, true);
    assert.equal((await ana.ear.next("dataReceived")).type, "missed");
    await Promise.all([early, late]);
    for (const type of ["early", "late"]) assert.equal((await bob.ear.next("dataReceived")).type, type);
    if (noticed) assert.equal((await bob.ear.next("userUpdated")).user.status, UserStatus.UNSPECIFIED);
    await ana.session.close();
    assert.equal((await bob.ear.next("userLeft")).reason, LeaveReason.LEFT);
  });

  test(`what somebody did not receive who is gone comes back, over ${transport}`, { timeout: 10_000 }, async (t) => {
    // Long before the first ping.
    const brief = await startServer("--resume-window=1s");
    t.after(() => brief.stop("SIGKILL"));
    const { proxy, room, ana, bob } = await pair(t, { transport }, brief);
    await ana.session.update({ room });
    proxy.swallow("answers");
    const id = await bob.session.data({ to: ana.session.id, room });
    ana.session.abort();
    const { code, requestId } = await bob.ear.next("failure");
    assert.deepEqual([code, requestId], [FailureCode.UNDELIVERED, id]);
  });

  test(`a server that is gone for good, over ${transport}`, async (t) => {
    const mortal = await startServer();
    const proxy = await startProxy(mortal.url);
    t.after(() => proxy.stop());
    const session = await Session.connect(proxy.url, { webSocket: WebSocket, transport });
    t.after(() => session.abort());
    const ear = new Ear(session);
    await mortal.stop();
    const { cause, attempt } = await ear.next("reconnecting");
    assert.deepEqual([cause.code, cause.reason, attempt], [Code.Unavailable, "SHUTTING_DOWN", 1]);
    await ear.next("draining");
    assert.equal((await ear.next("reconnecting")).attempt, 2);
    assert.equal((await session.close())?.code, Code.Unavailable);
  });
}

test("a session that another server does not know", async (t) => {
  const { proxy, ana } = await pair(t, {});
  const other = await startServer();
  t.after(() => other.stop("SIGKILL"));
  proxy.lead(other.url);
  proxy.cut();
  const end = await ana.session.ended;
  assert.deepEqual([end?.code, end?.reason], [Code.NotFound, "NO_SUCH_SESSION"]);
  assert.equal((await ana.ear.next("ended")).error, end);
});

for (const [how, signal] of [
  ["is stopped", "SIGTERM"],
  ["is killed", "SIGKILL"],
] as const) {
  test(`a server that ${how} and started anew with the same key`, { timeout: 60_000 }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "beckon-key-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "session.key");
    writeFileSync(file, randomBytes(32).toString("hex"), { mode: 0o600 });
    const key = ["--session-key-file", file];
    const first = await startServer(...key);
    const { proxy, room, ana, bob } = await pair(t, {}, first);
    await ana.session.update({ room, name: "Ana" });
    await bob.ear.next("userUpdated");
    if (signal === "SIGKILL") proxy.swallow("answers");
    const say = (type: string): Promise<unknown> =>
      ana.session.data({ to: bob.session.id, room, type }).catch((error: unknown) => error);
    const said = say("said");
    if (signal === "SIGTERM") assert.equal(typeof (await said), "bigint");
    else await bob.ear.next("dataReceived");
    await first.stop(signal);
    if (signal === "SIGKILL") proxy.cut();
    proxy.heal();
    await ana.ear.next("reconnecting");
    const waiting = say("waiting");
    const second = await startServer(...key, "--web", new URL(first.url).host);
    t.after(() => second.stop("SIGKILL"));
    await bob.ear.next("resynced");
    await ana.ear.next("resynced");
    if (signal === "SIGKILL") assert.equal(((await said) as Failure).code, FailureCode.UNAVAILABLE);
    // It depends on who came back first.
    const outcome = await waiting;
    if (outcome instanceof Failure) assert.equal(outcome.code, FailureCode.NO_SUCH_USER);
    else assert.equal(typeof outcome, "bigint");
    await bob.session.data({ to: ana.session.id, room, type: "again" });
    assert.equal((await ana.ear.next("dataReceived")).sender.id, bob.session.id);
    await ana.session.update({ room, attributes: { mood: "calm" } });
    let user;
    do ({ user } = await bob.ear.next("userUpdated"));
    while (user.attributes.mood === undefined);
    assert.deepEqual([user.id, user.name], [ana.session.id, "Ana"], "as she was");
  });
}

for (const [how, go] of [
  ["goes", (window: EventTarget) => window.dispatchEvent(new Event("pagehide"))],
  ["closes its session", (_: EventTarget, session: Session) => session.close()],
] as const) {
  test(`a page that ${how} while it is reconnecting over fetch`, async (t) => {
    const lost = new AbortController();
    // Bob is on another page.
    const { ana, bob, window } = await pair(t, {
      transport: "fetch",
      fetch: (input, init) => {
        if (!String(input).endsWith("/Listen")) return fetch(input, init);
        if (lost.signal.aborted) return Promise.reject(new TypeError("Failed to fetch"));
        return fetch(input, { ...init, signal: AbortSignal.any([lost.signal, init!.signal!]) });
      },
    });
    lost.abort(new TypeError("network error"));
    await ana.ear.next("reconnecting");
    go(window, ana.session);
    assert.equal((await bob.ear.next("userLeft")).reason, LeaveReason.LEFT);
    assert.equal(ana.session.state, "ended");
  });
}

test("a network that lets no websockets through any more", { timeout: 60_000 }, async (t) => {
  let blocked = false;
  class Blockable extends WebSocket {
    constructor(url: string, protocol: string) {
      super(blocked ? "ws://127.0.0.1:1" : url, protocol);
    }
  }
  const { proxy, ana, bob, room } = await pair(t, { webSocket: Blockable });
  blocked = true;
  proxy.cut();
  await ana.ear.next("resumed");
  assert.equal(ana.session.transport, "fetch");
  await ana.session.data({ to: bob.session.id, room });
  blocked = false;
  proxy.cut();
  await ana.ear.next("resumed");
  assert.equal(ana.session.transport, "websocket");
});
