import assert from "node:assert/strict";
import { after, before, test, type TestContext } from "node:test";
import { WebSocket } from "ws";

import {
  Code,
  EndError,
  type Event,
  type EventOf,
  Failure,
  FailureCode,
  HangupReason,
  LeaveReason,
  Presence,
  RejectReason,
  Session,
  UserStatus,
} from "../src/index.js";
import { startServer, type TestServer } from "./server.js";

let server: TestServer;
before(async () => (server = await startServer("--heartbeat-interval=1s")));
after(() => server.stop("SIGKILL"));

/** Opens a session that the test's end ends. */
async function open(t: TestContext, options: Parameters<typeof Session.connect>[1] = {}): Promise<Session> {
  const session = await Session.connect(server.url, { webSocket: WebSocket, ...options });
  t.after(() => session.abort());
  return session;
}

/** The next event of a loop, which has to be of a kind. */
async function next<K extends Event["kind"]>(events: AsyncIterator<Event>, kind: K): Promise<EventOf<K>> {
  const { done, value } = await events.next();
  if (done === true) throw new Error(`the session ended: want ${kind}`);
  assert.equal(value.kind, kind);
  return value as EventOf<K>;
}

/** A room for each test, so that they do not meet. */
const roomOf = (t: TestContext): string => t.name.slice(0, 100);

/** Two sessions in a room, and what they hear from now on. */
async function pair(t: TestContext) {
  const room = roomOf(t);
  const [ana, bob] = [await open(t), await open(t)];
  await ana.join({ room, name: "ana", presence: Presence.NONE });
  await bob.join({ room, name: "bob", presence: Presence.NONE });
  const [fromAna, fromBob] = [ana.events(), bob.events()];
  await next(fromAna, "joinedUsers");
  await next(fromBob, "joinedUsers");
  return { room, ana, bob, fromAna, fromBob };
}

test("everything that can be said arrives", async (t) => {
  const { room, ana, bob, fromBob } = await pair(t);
  const to = bob.id;
  const candidate = { candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: null };
  await ana.offer({ to, room, callId: "1", sdp: "offer" });
  await ana.answer({ to, callId: "2", sdp: "answer", provisional: true });
  await ana.candidate({ room, callId: "3", candidates: [candidate, {}] });
  await ana.reject({ to, room, callId: "4", reason: RejectReason.BUSY, detail: "later" });
  await ana.hangup({ to, room, callId: "5", reason: HangupReason.FAILED });
  await ana.data({ to, room, type: "chat", payload: Uint8Array.of(0, 255) });
  await ana.data({ to, room });

  const heard: object[] = [];
  for (let i = 0; i < 7; i++) {
    const { sender, seq, room: where, ...event } = (await fromBob.next()).value;
    assert.deepEqual([sender.id, sender.name, where], [ana.id, "ana", room]);
    assert.ok(seq > 0n);
    heard.push(JSON.parse(JSON.stringify(event, (key, value: unknown) => (key === "$typeName" ? undefined : value))));
  }
  assert.deepEqual(heard, [
    { kind: "callMade", callId: "1", sdp: "offer", ageMs: 0 },
    { kind: "answerMade", callId: "2", sdp: "answer", provisional: true },
    {
      kind: "candidateReceived",
      callId: "3",
      candidates: [{ candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0 }, { candidate: "" }],
    },
    { kind: "callRejected", callId: "4", reason: RejectReason.BUSY, detail: "later" },
    { kind: "callEnded", callId: "5", reason: HangupReason.FAILED, detail: "" },
    { kind: "dataReceived", type: "chat", payload: { 0: 0, 1: 255 } },
    { kind: "dataReceived", type: "", payload: {} },
  ]);
});

test("presence", async (t) => {
  const room = roomOf(t);
  const [ana, bob] = [await open(t), await open(t)];
  const events = ana.events();
  await ana.join({ room, name: "ana", attributes: { mood: "calm" }, presence: Presence.DELTA });
  const list = await next(events, "joinedUsers");
  assert.deepEqual(
    list.users.map(({ id, name, attributes }) => ({ id, name, attributes })),
    [{ id: ana.id, name: "ana", attributes: { mood: "calm" } }],
  );
  assert.ok(list.epoch !== "" && !("more" in list));
  await bob.join({ room });
  assert.equal((await next(events, "userJoined")).user.id, bob.id);
  await bob.update({ room, name: "bob" });
  assert.equal((await next(events, "userUpdated")).user.name, "bob");
  await bob.leave(room);
  assert.equal((await next(events, "userLeft")).reason, LeaveReason.LEFT);
});

test("a failure harms nothing else", async (t) => {
  const { room, ana } = await pair(t);
  await assert.rejects(ana.offer({ to: "nobody", room, callId: "1", sdp: "v=0" }), (error) => {
    assert.ok(error instanceof Failure);
    const { code, field, to, callId, name } = error;
    assert.deepEqual(
      { code, field, to, callId, name },
      {
        code: FailureCode.NO_SUCH_USER,
        field: "to",
        to: "nobody",
        callId: "1",
        name: "Failure",
      },
    );
    assert.match(error.message, /^NO_SUCH_USER: /);
    return true;
  });
  // Beyond twice the limit the server would end the stream.
  const payload = new Uint8Array(600 << 10);
  await assert.rejects(ana.data({ room, payload }), { code: FailureCode.TOO_LARGE });
  const call = { room, callId: "1", candidates: [{ sdpMLineIndex: -1 }] };
  await assert.rejects(ana.candidate(call), { code: FailureCode.INVALID });
  await ana.data({ room });
});

test("calls made together have their own outcomes", async (t) => {
  const { room, ana, bob } = await pair(t);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 40 }, (_, i) => ana.data({ to: i % 4 === 0 ? "nobody" : bob.id, room, type: `${i}` })),
  );
  outcomes.forEach(({ status }, i) => assert.equal(status, i % 4 === 0 ? "rejected" : "fulfilled", `call ${i}`));
});

test("a call that is no longer waited for", async (t) => {
  const { room, ana, fromAna } = await pair(t);
  const signal = AbortSignal.abort(new Error("not at all"));
  await assert.rejects(ana.data({ to: "nobody", room }, { signal }), { message: "not at all" });

  const controller = new AbortController();
  const call = ana.data({ to: "nobody", room, type: "late" }, { signal: controller.signal });
  controller.abort(new Error("changed my mind"));
  await assert.rejects(call, { message: "changed my mind" });
  const failure = await next(fromAna, "failure");
  assert.equal(failure.code, FailureCode.NO_SUCH_USER);
});

for (const [how, leave] of [
  ["close", (s: Session) => s.close()],
  ["leave", (s: Session) => s.leave("")],
  ["abort", (s: Session) => s.abort()],
] as const) {
  test(`a session that ends by ${how}`, async (t) => {
    const room = roomOf(t);
    const [ana, bob] = [await open(t), await open(t)];
    const [fromAna, fromBob] = [ana.events(), bob.events()];
    await bob.join({ room, presence: Presence.DELTA });
    await next(fromBob, "joinedUsers");
    await ana.join({ room, presence: Presence.NONE });
    await next(fromBob, "userJoined");
    const said = how === "close" ? ana.data({ room }) : undefined;
    await leave(ana);
    await said;
    const end = await ana.ended;
    assert.equal(end?.reason, how === "abort" ? "ABANDONED" : undefined);
    if (said !== undefined) await next(fromBob, "dataReceived");
    // An aborted session could be taken up again.
    if (how === "abort") assert.equal((await next(fromBob, "userUpdated")).user.status, UserStatus.AWAY);
    else assert.equal((await next(fromBob, "userLeft")).reason, LeaveReason.LEFT);

    await next(fromAna, "joinedUsers");
    assert.equal((await next(fromAna, "ended")).error, end);
    assert.equal(ana.state, "ended");
    if (end === undefined) assert.equal((await fromAna.next()).done, true);
    else await assert.rejects(fromAna.next(), end);
    await assert.rejects(ana.data({ room }), { name: "EndError", reason: end?.reason ?? "CLOSED" });
    assert.equal(await ana.close(), end);
    ana.abort();
  });
}

test("what a user who is lost has not received comes back", async (t) => {
  const server = await startServer("--resume-window=1s");
  t.after(() => server.stop("SIGKILL"));
  const [ana, bob] = await Promise.all(
    ["ana", "bob"].map(async (name) => {
      const session = await Session.connect(server.url, { webSocket: WebSocket });
      t.after(() => session.abort());
      await session.join({ room: "lobby", name, presence: Presence.DELTA });
      return session;
    }),
  );
  const heard: Event[] = [];
  const both = new Promise<void>((resolve) =>
    bob!.subscribe((event) => {
      if (event.kind === "userLeft" || event.kind === "failure") heard.push(event);
      if (heard.length === 2) resolve();
    }),
  );
  ana!.abort();
  // Whether the server has noticed that she is gone or not.
  const ids = [
    await bob!.data({ to: ana!.id, room: "lobby" }),
    await bob!.offer({ to: ana!.id, callId: "1", sdp: "v=0" }),
  ];
  await both;
  for (const event of heard) {
    if (event.kind === "userLeft") assert.equal(event.reason, LeaveReason.LOST);
    else if (event.kind === "failure") {
      assert.equal(event.code, FailureCode.UNDELIVERED);
      assert.ok(ids.includes(event.requestId), "of the call that sent it");
    }
  }
});

test("an idle session goes on, and tells what it has read", async (t) => {
  const { room, ana, bob, fromBob } = await pair(t);
  await ana.data({ to: bob.id, room, type: "one" });
  await new Promise((resolve) => setTimeout(resolve, 4500));
  await ana.data({ to: bob.id, room, type: "two" });
  await next(fromBob, "dataReceived");
  assert.equal((await next(fromBob, "dataReceived")).type, "two");
});

test("a list in parts is one list", async (t) => {
  const room = roomOf(t);
  const attributes = { long: "x".repeat(4000) };
  for (let i = 0; i < 50; i++) await (await open(t)).join({ room, name: `${i}`, attributes, presence: Presence.NONE });
  const ana = await open(t);
  const events = ana.events();
  await ana.join({ room, name: "ana", presence: Presence.DELTA });
  const { users } = await next(events, "joinedUsers");
  assert.deepEqual(
    users.map(({ name }) => name),
    [...Array.from({ length: 50 }, (_, i) => `${i}`), "ana"],
  );
});

test("a page that goes", async (t) => {
  const page = new EventTarget();
  for (const name of ["addEventListener", "removeEventListener"] as const) {
    Object.assign(globalThis, { [name]: page[name].bind(page) });
    t.after(() => delete (globalThis as Record<string, unknown>)[name]);
  }
  const room = roomOf(t);
  const bob = await open(t);
  const events = bob.events();
  await bob.join({ room, presence: Presence.DELTA });
  await next(events, "joinedUsers");
  const ana = await open(t);
  await ana.join({ room });
  await next(events, "userJoined");
  await bob.leave(room);
  await bob.join({ room, presence: Presence.DELTA });
  await next(events, "joinedUsers");
  page.dispatchEvent(new Event("pagehide"));
  assert.equal(await ana.ended, undefined);
});

test("nobody is there", async () => {
  const gone = await startServer();
  await gone.stop("SIGKILL");
  await assert.rejects(Session.connect(gone.url, { webSocket: WebSocket }), (error) => {
    assert.ok(error instanceof EndError);
    assert.equal(error.code, Code.Unavailable);
    assert.match(error.detail, /websocket/);
    return true;
  });
  await assert.rejects(Session.connect("nowhere", { webSocket: WebSocket }), TypeError);
});

test("an opening that is called off", async () => {
  for (const transport of ["websocket", "fetch"] as const) {
    const controller = new AbortController();
    const opening = Session.connect(server.url, { webSocket: WebSocket, transport, signal: controller.signal });
    controller.abort(new Error("too slow"));
    await assert.rejects(opening, { message: "too slow" }, transport);
    await assert.rejects(Session.connect(server.url, { transport, signal: controller.signal }), {
      message: "too slow",
    });
  }
});
