// What a session does when its stream is lost, against a server that is the test.
import assert from "node:assert/strict";
import { mock, test, type TestContext } from "node:test";

import { backoff } from "../src/backoff.js";
import {
  Code,
  type Event as SessionEvent,
  type EventOf,
  type Failure,
  FailureCode,
  LeaveReason,
  Presence,
  Resumption,
  Session,
  type SessionOptions,
} from "../src/index.js";
import { Script, type ScriptedStream } from "./script.js";

/** A session `ana`, its server, its first stream and what it tells. Attempts are made at once. */
async function begin(t: TestContext, options: SessionOptions = {}) {
  t.mock.method(Math, "random", () => 0);
  const script = new Script();
  const connecting = Session.connect("http://test", {
    webSocket: script.webSocket,
    transport: "websocket",
    ...options,
  });
  const stream = await script.accept();
  await stream.hearThat("ping");
  stream.welcome({ resumption: Resumption.NEW });
  const session = await connecting;
  t.after(() => session.abort());
  const told: SessionEvent[] = [];
  session.subscribe((event) => told.push(event));
  return { script, stream, session, told, kinds: () => told.map(({ kind }) => kind) };
}

/** Has a session join a room. */
async function join(session: Session, stream: ScriptedStream, room: string, epoch: string): Promise<void> {
  const joined = session.join({ room, name: "ana", attributes: { a: "1", b: "2" }, presence: Presence.DELTA });
  stream.say({ case: "joinedUsers", value: { users: [{ id: "ana" }], epoch } }, { room, seq: 1n });
  await stream.ack();
  await joined;
}

/** Lets everything happen that does not wait for anything. */
const settle = () => new Promise(setImmediate);

test("a lost stream is resumed: from where it was, and what had no outcome is said again", async (t) => {
  const { script, stream, session, told, kinds } = await begin(t);
  await join(session, stream, "den", "D");
  await join(session, stream, "hall", "H");
  await join(session, stream, "attic", "A");
  const update = session.update({ room: "den", name: "Ana", attributes: { a: "", c: "3" } });
  await stream.ack();
  await update;
  stream.say({ case: "dataReceived", value: { type: "x", sender: { id: "bob" } } }, { room: "den", seq: 7n });
  stream.say({ case: "failure", value: { code: FailureCode.UNDELIVERED } }, { seq: 3n, requestId: 4n });

  const first = session.data({ room: "den", type: "first" });
  const second = session.data({ room: "den", type: "second" });
  const joining = session.join({ room: "cellar" });
  const leaving = session.leave("attic");
  const ids = [(await stream.hear())!.requestId, (await stream.hear())!.requestId];
  stream.say({ case: "ack", value: {} }, { requestId: ids[0]! });
  assert.equal(await first, ids[0]);
  stream.say({ case: "joinedUsers", value: { users: [], epoch: "other", more: true } }, { room: "hall", seq: 2n });
  await settle();
  stream.lose();
  await settle();
  assert.equal(session.state, "reconnecting");
  const late = session.data({ room: "den", type: "late" });

  const next = await script.accept();
  const resume = await next.hearThat("resume");
  assert.equal(resume.resumeToken, "token");
  assert.deepEqual(
    resume.cursors.map(({ room, epoch, seq }) => [room, epoch, seq]),
    [
      ["", "E1", 3n],
      ["den", "D", 7n],
      ["hall", "H", 1n],
      ["attic", "A", 1n],
    ],
  );
  assert.deepEqual(
    resume.rejoin.map(({ room, name, attributes, presence }) => ({ room, name, attributes, presence })),
    [
      { room: "den", name: "Ana", attributes: { b: "2", c: "3" }, presence: Presence.DELTA },
      { room: "hall", name: "ana", attributes: { a: "1", b: "2" }, presence: Presence.DELTA },
    ],
  );
  await settle();
  assert.deepEqual(next.unheard(), [], "nothing more before the welcome");
  next.welcome();
  await settle();
  const again = next.unheard();
  assert.deepEqual(
    again.map(({ message }) => message.case),
    ["data", "join", "leave", "data"],
  );
  assert.equal(again[0]!.requestId, ids[1]);
  for (const [i, { requestId }] of again.slice(1).entries()) assert.ok(requestId > again[i]!.requestId, "in order");
  for (const { requestId } of again) next.say({ case: "ack", value: {} }, { requestId });
  await Promise.all([second, joining, leaving, late]);
  next.say({ case: "joinedUsers", value: { users: [{ id: "ana" }], epoch: "H" } }, { room: "hall", seq: 2n });
  await settle();
  const list = told.at(-1) as EventOf<"joinedUsers">;
  assert.deepEqual([list.kind, list.users.length], ["joinedUsers", 1], "half a list is forgotten");
  assert.deepEqual(
    kinds().filter((kind) => kind !== "joinedUsers"),
    ["dataReceived", "failure", "reconnecting", "resumed"],
  );
  const lost = told.find(({ kind }) => kind === "reconnecting") as EventOf<"reconnecting">;
  assert.deepEqual([lost.cause.code, lost.cause.reason, lost.attempt, lost.delay], [Code.Unavailable, "", 1, 0]);
  const failure = told.find(({ kind }) => kind === "failure") as EventOf<"failure">;
  assert.equal(failure.requestId, 4n);
});

test("at most 64 messages without an outcome are on the wire", async (t) => {
  const { stream, session } = await begin(t);
  const calls = Array.from({ length: 100 }, (_, i) => session.data({ room: "den", type: `${i}` }));
  await settle();
  const sent = stream.unheard();
  assert.equal(sent.length, 64);
  stream.say({ case: "failure", value: { code: FailureCode.NOT_IN_ROOM } }, { requestId: sent[0]!.requestId });
  await assert.rejects(calls[0]!, { code: FailureCode.NOT_IN_ROOM });
  await settle();
  assert.deepEqual(
    stream.unheard().map(({ message }) => message.case === "data" && message.value.type),
    ["64"],
  );
  const closing = session.close();
  for (let id = sent[0]!.requestId + 1n; id <= sent[0]!.requestId + 99n; id++) {
    stream.say({ case: "ack", value: {} }, { requestId: id });
    await settle();
  }
  await Promise.all(calls.slice(1));
  while (await stream.hear()); // All were said before the goodbye.
  stream.end(0 as Code);
  assert.equal(await closing, undefined);
});

test("a call that is no longer waited for and was not sent never is", async (t) => {
  const { script, stream, session } = await begin(t);
  stream.lose();
  await settle();
  const controller = new AbortController();
  const call = session.data({ room: "den", type: "no" }, { signal: controller.signal });
  const other = session.data({ room: "den", type: "yes" });
  controller.abort(new Error("changed my mind"));
  await assert.rejects(call, { message: "changed my mind" });
  const next = await script.accept();
  await next.hearThat("resume");
  next.welcome();
  await next.ack();
  await other;
  assert.deepEqual(next.unheard(), []);
});

for (const [how, end, fails] of [
  ["was killed", (stream: ScriptedStream) => stream.lose(), true],
  ["was stopped", (stream: ScriptedStream) => stream.end(Code.Unavailable, "SHUTTING_DOWN"), false],
] as const) {
  test(`a server that ${how} and started anew`, async (t) => {
    const { script, stream, session, kinds } = await begin(t);
    await join(session, stream, "den", "D");
    stream.say({ case: "failure", value: { code: FailureCode.UNDELIVERED } }, { seq: 3n });
    const sent = session.data({ room: "den", type: "sent" });
    await stream.hearThat("data");
    end(stream);
    // In between nobody is there.
    (await script.accept()).lose();
    const waiting = session.data({ room: "den", type: "waiting" });
    const next = await script.accept();
    assert.equal((await next.hearThat("resume")).cursors[0]!.seq, 3n);
    next.welcome({ epoch: "E2", resumption: Resumption.RESYNCED });
    if (fails) await assert.rejects(sent, { code: FailureCode.UNAVAILABLE, message: /may have been recorded/ });
    else {
      assert.equal((await next.hearThat("data")).type, "sent");
      next.say({ case: "ack", value: {} }, { requestId: 3n });
      await sent;
    }
    assert.equal((await next.hearThat("data")).type, "waiting");
    next.say({ case: "ack", value: {} }, { requestId: 4n });
    await waiting;
    assert.deepEqual(kinds().slice(2), ["reconnecting", "reconnecting", "resynced"]);
    next.lose();
    const [own] = (await (await script.accept()).hearThat("resume")).cursors;
    assert.deepEqual([own!.epoch, own!.seq], ["E2", 0n], "of another life");
  });
}

for (const [what, ends, again] of [
  ["a loss", ["lost"], "join update leave"],
  ["a stop", ["stopped"], "early join update leave late"],
  ["a stop after a loss", ["lost", "stopped"], "join update leave late"],
  ["a loss after a stop", ["stopped", "lost"], "join update leave"],
] as const) {
  test(`what a server that was started anew is sent again after ${what}`, async (t) => {
    const { script, stream, session, kinds } = await begin(t);
    await join(session, stream, "den", "D");
    const say = (type: string): Promise<string> =>
      session.data({ room: "hall", type }).then(
        () => type,
        (failure: Failure) => FailureCode[failure.code],
      );
    const early = say("early");
    const doing = [session.join({ room: "hall" }), session.update({ room: "den", name: "Ana" }), session.leave("den")];
    const part = (from: ScriptedStream, how: "lost" | "stopped") =>
      how === "lost" ? from.lose() : from.end(Code.Unavailable, "SHUTTING_DOWN");
    let last = stream;
    for (const end of ends.slice(0, -1)) {
      await settle();
      part(last, end);
      last = await script.accept();
      last.welcome();
    }
    await settle();
    const late = say("late"); // It is sent on the last stream alone.
    await settle();
    part(last, ends.at(-1)!);

    const next = await script.accept();
    await next.hearThat("resume");
    next.welcome({ epoch: "E2", resumption: Resumption.RESYNCED });
    await settle();
    const heard = next.unheard();
    const words = heard.map(({ message }) => (message.case === "data" ? message.value.type : message.case));
    assert.equal(words.join(" "), again);
    const code = FailureCode.NOT_IN_ROOM; // The server does not know of her in the room that she leaves.
    for (const { requestId, message } of heard)
      next.say(message.case === "leave" ? { case: "failure", value: { code } } : { case: "ack", value: {} }, {
        requestId,
      });
    await Promise.all(doing);
    const outcomes = ["early", "late"].map((type) => (again.includes(type) ? type : "UNAVAILABLE"));
    assert.deepEqual(await Promise.all([early, late]), outcomes);
    assert.ok(!kinds().includes("failure"));
    next.lose();
    const { rejoin } = await (await script.accept()).hearThat("resume");
    assert.equal(rejoin.map(({ room }) => room).join(" "), "hall");
  });
}

test("which ends are final", async (t) => {
  for (const code of [
    Code.NotFound,
    Code.Aborted,
    Code.Unauthenticated,
    Code.PermissionDenied,
    Code.InvalidArgument,
    Code.Unimplemented,
  ]) {
    const { script, stream, session, kinds } = await begin(t);
    const waiting = session.data({ room: "den" });
    stream.lose();
    const next = await script.accept();
    assert.equal(session.state, "reconnecting");
    next.end(code, "WHY");
    const end = await session.ended;
    assert.deepEqual([end?.code, end?.reason], [code, "WHY"]);
    await assert.rejects(waiting, end);
    assert.deepEqual(kinds(), ["reconnecting", "ended"]);
    assert.equal(session.state, "ended");
  }
});

test("any other end is not", async (t) => {
  const { script, stream, told } = await begin(t);
  stream.end(Code.ResourceExhausted, "SLOW_CONSUMER");
  (await script.accept()).end(Code.Unavailable, "NO_LOG");
  (await script.accept()).end(Code.Internal);
  (await script.accept()).end(Code.FailedPrecondition);
  const next = await script.accept();
  next.welcome();
  await settle();
  assert.deepEqual(
    told.map((event) => (event.kind === "reconnecting" ? event.cause.code : event.kind)),
    [Code.ResourceExhausted, Code.Unavailable, Code.Internal, Code.FailedPrecondition, "resumed"],
  );
});

test("a stream that an attempt of one's own took over is resumed", async (t) => {
  const { script, stream, session } = await begin(t);
  stream.lose();
  (await script.accept()).lose(); // The server may hear of this one later.
  let next = await script.accept();
  next.welcome();
  await settle();
  next.end(Code.Aborted, "TAKEN_OVER");
  next = await script.accept();
  next.welcome();
  await settle();
  assert.equal(session.state, "connected");
  next.end(Code.Aborted, "TAKEN_OVER");
  assert.equal((await session.ended)?.reason, "TAKEN_OVER", "but not by another again and again");
});

test("a message that ended the stream is not sent again", async (t) => {
  const { script, stream, session } = await begin(t);
  const small = session.data({ room: "den", type: "small" });
  const large = session.data({ room: "den", payload: new Uint8Array(1000) });
  const small2 = session.data({ room: "den", type: "small" });
  await settle();
  stream.end(Code.ResourceExhausted, "MESSAGE_TOO_LARGE");
  await assert.rejects(large, { code: FailureCode.TOO_LARGE });
  const next = await script.accept();
  await next.hearThat("resume");
  next.welcome();
  await next.ack();
  await next.ack();
  await Promise.all([small, small2]);
});

test("a room that cannot be joined anew", async (t) => {
  const { script, stream, session, told, kinds } = await begin(t);
  await join(session, stream, "den", "D");
  stream.lose();
  const next = await script.accept();
  await next.hearThat("resume");
  next.welcome({ resumption: Resumption.RESYNCED });
  next.say({ case: "failure", value: { code: FailureCode.ROOM_FULL, detail: "full" } }, { room: "den" });
  await settle();
  assert.deepEqual(kinds().slice(2), ["resynced", "failure", "userLeft"]);
  const left = told.at(-1) as EventOf<"userLeft">;
  assert.deepEqual([left.room, left.user.id, left.user.name, left.reason], ["den", "ana", "ana", LeaveReason.LOST]);
  next.lose();
  const { cursors, rejoin } = await (await script.accept()).hearThat("resume");
  assert.deepEqual([cursors.length, rejoin.length], [1, 0]);
});

test("closing while reconnecting ends at once", async (t) => {
  const { script, stream, session, kinds } = await begin(t);
  const waiting = session.data({ room: "den" });
  stream.lose();
  await script.accept(); // Which says nothing.
  const end = await session.close();
  assert.deepEqual([end?.code, end?.reason], [Code.Unavailable, ""]);
  await assert.rejects(waiting, end);
  assert.deepEqual(kinds(), ["reconnecting", "ended"]);
  await settle();
  assert.equal(script.waiting, 0);
});

test("closing because of the loss, too", async (t) => {
  const { script, stream, session } = await begin(t);
  t.mock.method(Math, "random", () => 1);
  stopClock(t);
  session.subscribe(({ kind }) => void (kind === "reconnecting" && session.close()));
  stream.lose();
  assert.equal((await session.ended)?.code, Code.Unavailable);
  assert.equal(script.waiting, 0);
});

test("a session that leaves and loses its stream has ended as asked", async (t) => {
  const { script, stream, session } = await begin(t);
  const left = session.leave("");
  left.catch(() => {});
  stream.lose();
  (await script.accept()).end(Code.NotFound, "NO_SUCH_SESSION");
  assert.equal(await session.ended, undefined);
});

test("the server is told what has arrived after every 64 KiB", async (t) => {
  const { stream, session } = await begin(t);
  await join(session, stream, "den", "D");
  assert.equal(stream.received().length, 1);
  const payload = new Uint8Array(20_000);
  for (let seq = 2n; seq < 10n; seq++) {
    stream.say({ case: "dataReceived", value: { sender: { id: "bob" }, payload } }, { room: "den", seq });
    await settle();
  }
  assert.deepEqual(stream.received(), [[["den", "D", 5n]], [["den", "D", 9n]]]);
});

test("the server is told of the first event of each stream at once", async (t) => {
  const { script, stream } = await begin(t);
  const hello = { case: "dataReceived", value: { sender: { id: "bob" } } } as const;
  stream.say({ case: "draining", value: {} });
  await settle();
  assert.deepEqual(stream.received(), [], "of what is in a log");
  stream.say(hello, { room: "den", seq: 5n });
  stream.say({ case: "joinedUsers", value: { epoch: "D" } }, { room: "den", seq: 6n });
  await settle();
  assert.deepEqual(stream.received(), [[["", "E1", 0n]]], "though the room has no epoch yet");
  stream.lose();
  for (const [epoch, seq, told] of [
    ["E1", 7n, [["den", "D", 7n]]], // What was told may have been lost with the stream.
    ["E2", 2n, []], // This server was told nothing.
  ] as const) {
    const next = await script.accept();
    next.welcome({ epoch });
    next.say(hello, { room: "den", seq });
    await settle();
    const [first] = next.received();
    assert.deepEqual(first, [["", epoch, 0n], ...told]);
    next.lose();
  }
});

test("what comes again because its room had no cursor is told once", async (t) => {
  const { script, stream, told, kinds } = await begin(t);
  const say = (to: ScriptedStream, type: string, seq: bigint) =>
    to.say({ case: "dataReceived", value: { type, sender: { id: "bob" } } }, { room: "den", seq });
  const back = { case: "failure", value: { code: FailureCode.UNDELIVERED } } as const;
  const list = { case: "joinedUsers" as const, value: { users: [{ id: "ana" }], epoch: "D" } };
  say(stream, "1", 2n);
  say(stream, "2", 4n);
  stream.say(back, { seq: 3n, requestId: 9n });
  await settle();
  stream.lose();
  let next = await script.accept();
  const resume = await next.hearThat("resume");
  assert.deepEqual(
    resume.cursors.map(({ room, seq }) => [room, seq]),
    [["", 3n]],
  );
  next.welcome();
  next.say(back, { seq: 3n, requestId: 9n });
  say(next, "1", 2n);
  say(next, "2", 4n);
  say(next, "3", 5n);
  next.say(list, { room: "den", seq: 5n });
  next.say(list, { room: "den", seq: 5n });
  await settle();
  next.lose();
  next = await script.accept();
  assert.deepEqual(
    (await next.hearThat("resume")).cursors.map(({ room, seq }) => [room, seq]),
    [
      ["", 3n],
      ["den", 5n],
    ],
  );
  next.welcome({ epoch: "E2", resumption: Resumption.RESYNCED });
  next.say(back, { seq: 1n, requestId: 9n });
  say(next, "of another life", 2n);
  await settle();
  const types = told.flatMap((event) => (event.kind === "dataReceived" ? [event.type] : []));
  assert.deepEqual(types, ["1", "2", "3", "of another life"]);
  assert.deepEqual(
    kinds().filter((kind) => kind === "failure" || kind === "joinedUsers"),
    ["failure", "joinedUsers", "joinedUsers", "failure"],
  );
});

/** Gives the test a page, whose network and visibility it rules. */
function page(t: TestContext) {
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const connection = new EventTarget();
  const { navigator } = globalThis;
  const mine = {
    addEventListener: window.addEventListener.bind(window),
    removeEventListener: window.removeEventListener.bind(window),
    document,
    navigator: { connection },
  };
  for (const [name, value] of Object.entries(mine))
    Object.defineProperty(globalThis, name, { value, configurable: true });
  t.after(() => {
    for (const name of Object.keys(mine)) delete (globalThis as Record<string, unknown>)[name];
    if (navigator) Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
  });
  return {
    online: () => window.dispatchEvent(new Event("online")),
    changed: () => connection.dispatchEvent(new Event("change")),
    seen: (visibilityState = "visible") => {
      document.visibilityState = visibilityState;
      document.dispatchEvent(new Event("visibilitychange"));
    },
  };
}

/** Has timers come when the test says so. */
function stopClock(t: TestContext): void {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
}

for (const [what, event, networkChanged] of [
  ["is online again", "online", true],
  ["is on another network", "changed", true],
  ["is seen again", "seen", false],
] as const) {
  test(`a page that ${what} asks whether the server is there`, async (t) => {
    const happenings = page(t);
    const happen = (): unknown => happenings[event]();
    const { script, stream, told, session } = await begin(t);
    stopClock(t);
    happen();
    happen();
    await settle();
    const [ping, ...more] = stream.unheard();
    assert.equal(ping?.message.case, "ping");
    assert.deepEqual(more, []);
    stream.say({ case: "pong", value: {} }, { requestId: ping.requestId });
    await settle();
    mock.timers.tick(4000);
    await settle();
    assert.equal(session.state, "connected", "it is");

    happen();
    stream.say({ case: "pong", value: {} }); // A heartbeat, perhaps sent long ago.
    await settle();
    mock.timers.tick(2000);
    await settle();
    mock.timers.tick(1);
    const next = await script.accept();
    next.welcome();
    await settle();
    const [lost, resumed] = told as [EventOf<"reconnecting">, EventOf<"resumed">];
    assert.equal(lost.cause.reason, "SILENT");
    assert.equal(resumed.networkChanged, networkChanged);
  });
}

test("a page that is hidden asks nothing", async (t) => {
  const { seen } = page(t);
  const { stream } = await begin(t);
  seen("hidden");
  await settle();
  assert.deepEqual(stream.unheard(), []);
});

test("while reconnecting such a page tries at once", async (t) => {
  const { online } = page(t);
  const { script, stream, session } = await begin(t);
  stopClock(t);
  t.mock.method(Math, "random", () => 1);
  stream.lose();
  await settle();
  assert.equal(script.waiting, 0);
  online();
  await settle();
  const silent = await script.accept();
  // An attempt that is under way gets two seconds more.
  online();
  mock.timers.tick(2000);
  await settle();
  assert.equal(silent.readyState, 3, "given up");
  mock.timers.tick(250);
  const next = await script.accept();
  next.welcome();
  await settle();
  assert.equal(session.state, "connected");
});

test("a server that drains keeps its streams until it ends them", async (t) => {
  const { script, stream, session, kinds } = await begin(t);
  stopClock(t);
  stream.say({ case: "draining", value: { reconnectAfter: { seconds: 3n } } });
  await settle();
  mock.timers.tick(7900);
  await settle();
  assert.equal(session.state, "connected");
  stream.end(Code.Unavailable, "SHUTTING_DOWN");
  await settle();
  mock.timers.tick(1);
  const next = await script.accept();
  next.welcome();
  await settle();
  assert.deepEqual(kinds(), ["draining", "reconnecting", "resumed"]);

  next.say({ case: "draining", value: { reconnectAfter: { seconds: 3n } } });
  await settle();
  mock.timers.tick(8000);
  await settle();
  assert.equal(session.state, "reconnecting", "it is overdue");
});

test("an attempt without an answer is given up", async (t) => {
  const { script, stream } = await begin(t, { openTimeout: 1000 });
  stopClock(t);
  stream.lose();
  await settle();
  mock.timers.tick(1);
  await settle();
  const silent = await script.accept();
  mock.timers.tick(1000);
  await settle();
  assert.equal(silent.readyState, 3);
  mock.timers.tick(1);
  (await script.accept()).welcome();
});

test("pauses grow from attempt to attempt, and after a stream that did not last", async (t) => {
  const { script, stream, told } = await begin(t);
  stopClock(t);
  t.mock.method(Math, "random", () => 1);
  stream.lose();
  const delays = (): number[] => told.flatMap((event) => (event.kind === "reconnecting" ? [event.delay] : []));
  for (let i = 0; i < 7; i++) {
    await settle();
    mock.timers.tick(delays().at(-1)!);
    const next = await script.accept();
    if (i === 2) {
      next.welcome();
      await settle();
    }
    if (i === 5) next.end(Code.ResourceExhausted, "LIMIT");
    else next.lose();
  }
  await settle();
  assert.deepEqual(delays(), [100, 250, 500, 1000, 2000, 4000, 5000, 5000]);

  mock.timers.tick(5000);
  const lasting = await script.accept();
  lasting.welcome();
  await settle();
  mock.timers.tick(5000);
  lasting.end(Code.ResourceExhausted, "LIMIT");
  await settle();
  assert.equal(delays().at(-1), 250, "who is told to back off does not come at once");
});

test("the bounds of the pauses", (t) => {
  t.mock.method(Math, "random", () => 0.5);
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 100].map((attempt) => backoff(attempt)),
    [50, 125, 250, 500, 1000, 2000, 2500, 2500],
  );
});
