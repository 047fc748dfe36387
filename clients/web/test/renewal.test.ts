// What a session does about its access tokens, against a server that is the test.
import assert from "node:assert/strict";
import { mock, test, type TestContext } from "node:test";

import {
  Code,
  EndError,
  type Event as SessionEvent,
  FailureCode,
  Resumption,
  Session,
  type SessionOptions,
} from "../src/index.js";
import { Script, type ScriptedStream } from "./script.js";

type Token = NonNullable<SessionOptions["token"]>;

/** A session `ana` and its first stream. Attempts are made at once. */
async function begin(t: TestContext, token: Token, options: SessionOptions = {}) {
  t.mock.method(Math, "random", () => 0);
  const script = new Script();
  const connecting = Session.connect("http://test", {
    webSocket: script.webSocket,
    transport: "websocket",
    token,
    ...options,
  });
  const stream = await script.accept();
  await stream.hearThat("ping");
  stream.welcome({ resumption: Resumption.NEW });
  const session = await connecting;
  t.after(() => session.abort());
  const told: SessionEvent[] = [];
  session.subscribe((event) => told.push(event));
  /** What was told: the kinds, but of data and failures what they say. */
  const heard = (): string[] =>
    told.map((event) => {
      if (event.kind === "dataReceived") return event.type;
      return event.kind === "failure" ? FailureCode[event.code] : event.kind;
    });
  return { script, stream, session, told, heard };
}

/** A source of the tokens t1, t2, …, and how often it was asked. */
function counting() {
  const source = Object.assign(() => `t${++source.asked}`, { asked: 0 });
  return source;
}

/** Lets everything happen that does not wait for anything. */
const settle = () => new Promise(setImmediate);

function stopClock(t: TestContext): void {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
}

const shown = (stream: ScriptedStream) => stream.headers.get("authorization");

function expiring(stream: ScriptedStream): void {
  stream.say({ case: "failure", value: { code: FailureCode.TOKEN_EXPIRING } });
}

function sayData(stream: ScriptedStream, type: string, seq: bigint): void {
  stream.say({ case: "dataReceived", value: { type, sender: { id: "bob" } } }, { room: "den", seq });
}

test("a token is shown on each stream, and the application is told once that it runs out", async (t) => {
  const { script, stream, session, heard } = await begin(t, " secret\n");
  assert.equal(shown(stream), "Bearer secret");
  stream.lose();
  const next = await script.accept();
  await next.hearThat("resume");
  assert.equal(shown(next), "Bearer secret");
  next.welcome();
  expiring(next);
  const third = await script.accept();
  assert.equal(shown(third), "Bearer secret");
  third.welcome();
  await settle();
  expiring(third);
  await settle();
  third.end(Code.Unauthenticated, "TOKEN_EXPIRED");
  (await script.accept()).end(Code.Unauthenticated, "TOKEN_EXPIRED");
  const end = await session.ended;
  assert.deepEqual([end?.code, end?.reason], [Code.Unauthenticated, "TOKEN_EXPIRED"]);
  const reconnected = ["reconnecting", "resumed"];
  assert.deepEqual(heard(), [...reconnected, "TOKEN_EXPIRING", "resumed", "reconnecting", "ended"]);
  assert.equal(script.waiting, 0);
});

test("an empty token is none, and other headers stay", async (t) => {
  const { stream } = await begin(t, "", { headers: { "x-app": "1" } });
  assert.deepEqual([shown(stream), stream.headers.get("x-app")], [null, "1"]);
});

test("a function is asked for each stream", async (t) => {
  const token = counting();
  const { script, stream } = await begin(t, async () => token());
  assert.equal(shown(stream), "Bearer t1");
  stream.lose();
  (await script.accept()).lose();
  const next = await script.accept();
  await next.hearThat("resume");
  assert.equal(shown(next), "Bearer t3");
});

test("a token that is about to run out is renewed while the stream goes on", async (t) => {
  const { script, stream, session, heard } = await begin(t, counting());
  stream.say({ case: "joinedUsers", value: { users: [{ id: "ana" }], epoch: "D" } }, { room: "den", seq: 1n });
  const early = session.data({ room: "den", type: "early" });
  await stream.hearThat("data");
  sayData(stream, "1", 2n);
  expiring(stream);
  const next = await script.accept();
  const { cursors } = await next.hearThat("resume");
  assert.equal(shown(next), "Bearer t2");
  assert.deepEqual(
    cursors.map(({ room, seq }) => [room, seq]),
    [
      ["", 0n],
      ["den", 2n],
    ],
  );

  // From here on the session is on neither stream.
  sayData(stream, "2", 3n);
  stream.say({ case: "ack", value: {} }, { requestId: 2n });
  const late = session.data({ room: "den", type: "late" });
  await settle();
  assert.equal(session.state, "connected");
  assert.deepEqual(stream.unheard(), []);
  assert.deepEqual(heard(), ["joinedUsers", "1"]);

  next.welcome();
  await settle();
  assert.equal(stream.readyState, 3, "the former stream is closed");
  sayData(next, "2", 3n);
  assert.deepEqual(
    next.unheard().map(({ requestId, message }) => [requestId, message.case === "data" && message.value.type]),
    [
      [2n, "early"],
      [3n, "late"],
    ],
  );
  for (const requestId of [2n, 3n]) next.say({ case: "ack", value: {} }, { requestId });
  await Promise.all([early, late]);
  assert.deepEqual(heard(), ["joinedUsers", "1", "resumed", "2"]);

  expiring(next);
  const third = await script.accept();
  await third.hearThat("resume");
  assert.equal(shown(third), "Bearer t3", "and so for ever");
});

test("the server ends the former stream before it welcomes on the next", async (t) => {
  const { script, stream, session, heard } = await begin(t, counting());
  expiring(stream);
  const next = await script.accept();
  stream.end(Code.Aborted, "TAKEN_OVER");
  await settle();
  assert.equal(session.state, "connected");
  next.welcome();
  await settle();
  assert.deepEqual([session.state, heard()], ["connected", ["resumed"]]);
});

test("a stream taken over by an attempt that was lost is resumed", async (t) => {
  const { script, stream, session, heard } = await begin(t, counting());
  expiring(stream);
  const lost = await script.accept();
  stream.end(Code.Aborted, "TAKEN_OVER");
  await settle();
  lost.lose();
  const next = await script.accept();
  await next.hearThat("resume");
  assert.equal(shown(next), "Bearer t3");
  next.welcome();
  await settle();
  assert.deepEqual([session.state, heard()], ["connected", ["reconnecting", "resumed"]]);
});

for (const [what, code, reason, again] of [
  ["a token that the server refuses", Code.Unauthenticated, "BAD_TOKEN", false],
  ["a token of somebody else", Code.NotFound, "NO_SUCH_SESSION", false],
  ["a server that cannot tell", Code.Unavailable, "UNAVAILABLE", true],
] as const) {
  test(`${what} leaves the stream as it is`, async (t) => {
    let token = "t1";
    const { script, stream, session, heard } = await begin(t, () => token);
    stopClock(t);
    token = "t2";
    expiring(stream);
    await settle();
    mock.timers.tick(1);
    await settle();
    const next = await script.accept();
    sayData(stream, "meanwhile", 2n);
    const waiting = session.data({ room: "den", type: "waiting" });
    await settle();
    next.end(code, reason);
    await settle();
    assert.deepEqual([session.state, heard()], ["connected", ["meanwhile"]]);
    assert.equal((await stream.hearThat("data")).type, "waiting");
    stream.say({ case: "ack", value: {} }, { requestId: 2n });
    await waiting;

    mock.timers.tick(1);
    await settle();
    assert.equal(script.waiting, again ? 1 : 0, "whether the same token is tried again");
    if (again) await script.accept();
    else {
      token = "t3";
      mock.timers.tick(1);
      await settle();
      const third = await script.accept();
      assert.equal(shown(third), "Bearer t3");
      third.welcome();
      await settle();
      assert.deepEqual(heard(), ["meanwhile", "resumed"]);
    }
  });
}

for (const [what, answer] of [
  ["an error", () => Promise.reject(new Error("no network"))],
  ["nothing", () => new Promise<string>(() => {})],
] as const) {
  test(`a function that gives ${what} is asked again, after longer and longer`, async (t) => {
    const asked: number[] = [];
    let now = 0;
    let give: () => string | Promise<string> = () => "t1";
    const { script, stream, session, heard } = await begin(
      t,
      () => {
        asked.push(now);
        return give();
      },
      { openTimeout: 50 },
    );
    asked.length = 0;
    stopClock(t);
    t.mock.method(Math, "random", () => 1);
    const pass = async (ms: number): Promise<void> => {
      for (; ms > 0; ms -= 50) {
        mock.timers.tick(50);
        now += 50;
        await settle();
      }
    };
    give = answer;
    expiring(stream);
    await settle();
    await pass(9000);
    const silent = what === "nothing" ? 50 : 0; // That long each question waits.
    const expected = [100, 250, 500, 1000, 2000, 4000].map((_, i, pauses) =>
      pauses.slice(0, i + 1).reduce((sum, pause) => sum + pause, i * silent),
    );
    assert.deepEqual(asked, expected);
    sayData(stream, "on", 2n); // In the meantime all goes on.
    const call = session.data({ room: "den" });
    await stream.ack();
    await call;
    assert.deepEqual(heard(), ["on"]);
    give = () => "t2";
    while (script.waiting === 0) await pass(50);
    const next = await script.accept();
    assert.equal(shown(next), "Bearer t2");
    stream.lose();
    next.welcome();
    await settle();
    assert.deepEqual(heard(), ["on", "resumed"]);
  });
}

test("the same token is shown again, after longer and longer pauses if that does not help", async (t) => {
  const { script, stream, heard } = await begin(t, () => "t1");
  stopClock(t);
  let present = stream;
  const renew = async (pause: number): Promise<void> => {
    expiring(present);
    await settle();
    for (let passed = 0; passed < pause; passed += 100) {
      assert.equal(script.waiting, 0, `after ${passed} of ${pause} ms`);
      mock.timers.tick(100);
      await settle();
    }
    mock.timers.tick(1); // The pause before any renewal.
    await settle();
    assert.equal(script.waiting, 1, `after ${pause} ms`);
    present = await script.accept();
    assert.equal(shown(present), "Bearer t1");
    present.welcome();
    await settle();
  };
  for (const pause of [0, 5000, 10_000, 20_000, 20_000]) await renew(pause);
  mock.timers.tick(5000); // It lasts.
  for (const pause of [0, 5000]) await renew(pause);
  assert.deepEqual(heard(), Array(7).fill("resumed"));
});

test("a stream that ends is not renewed any more", async (t) => {
  let give!: (token: string) => void;
  let asked = 0;
  const { script, stream } = await begin(t, () => {
    if (++asked === 1) return "t1";
    return new Promise<string>((resolve) => (give = resolve));
  });
  expiring(stream);
  while (asked < 2) await settle();
  stream.lose();
  while (asked < 3) await settle();
  give("t3");
  const next = await script.accept();
  next.welcome();
  await settle();
  assert.equal(script.waiting, 0);
});

test("where tokens are short they are not changed without a pause", async (t) => {
  const { script, stream } = await begin(t, counting());
  stopClock(t);
  t.mock.method(Math, "random", () => 1);
  let present = stream;
  for (const pause of [100, 250, 500, 1000]) {
    expiring(present);
    await settle();
    mock.timers.tick(pause - 1);
    await settle();
    assert.equal(script.waiting, 0, `${pause} ms`);
    mock.timers.tick(1);
    await settle();
    present = await script.accept();
    present.welcome();
    await settle();
  }
  mock.timers.tick(5000); // It lasts.
  expiring(present);
  await settle();
  mock.timers.tick(100);
  await settle();
  assert.equal(script.waiting, 1);
});

test("a token that has run out is replaced", async (t) => {
  const { script, stream, session, told, heard } = await begin(t, counting());
  stream.end(Code.Unauthenticated, "TOKEN_EXPIRED");
  let next = await script.accept();
  assert.equal(shown(next), "Bearer t2");
  next.welcome();
  await settle();
  assert.equal(session.state, "connected");
  const [lost] = told;
  assert.equal(lost?.kind === "reconnecting" && lost.cause.reason, "TOKEN_EXPIRED");
  // So is one that has run out before it was shown.
  next.lose();
  (await script.accept()).end(Code.Unauthenticated, "TOKEN_EXPIRED");
  next = await script.accept();
  assert.equal(shown(next), "Bearer t4");
  next.welcome();
  await settle();
  assert.deepEqual(heard(), ["reconnecting", "resumed", "reconnecting", "reconnecting", "resumed"]);
});

test("a token that has run out and is all that there is is shown once more", async (t) => {
  const { script, stream, session } = await begin(t, () => "t1");
  stream.end(Code.Unauthenticated, "TOKEN_EXPIRED");
  const next = await script.accept();
  assert.equal(shown(next), "Bearer t1");
  next.welcome(); // Now it is good for longer.
  await settle();
  assert.equal(session.state, "connected");
  next.end(Code.Unauthenticated, "TOKEN_EXPIRED");
  (await script.accept()).end(Code.Unauthenticated, "TOKEN_EXPIRED");
  const end = await session.ended;
  assert.deepEqual([end?.code, end?.reason], [Code.Unauthenticated, "TOKEN_EXPIRED"]);
  assert.match(end!.detail, /^access has run out and could not be renewed/);
  assert.equal(script.waiting, 0);
});

test("how else a token is refused that has run out is the end", async (t) => {
  const { script, stream, session } = await begin(t, () => "t1");
  stream.end(Code.Unauthenticated, "TOKEN_EXPIRED");
  (await script.accept()).end(Code.PermissionDenied, "NOT_ALLOWED");
  const end = await session.ended;
  assert.deepEqual([end?.code, end?.reason], [Code.PermissionDenied, "NOT_ALLOWED"]);
  assert.equal(script.waiting, 0);
});

test("a function that fails when the token has run out is asked again", async (t) => {
  let attempts = 0;
  const { script, stream, session, told } = await begin(t, () => {
    if (++attempts < 4 && attempts > 1) throw new Error("no network");
    return `t${attempts}`;
  });
  stream.end(Code.Unauthenticated, "TOKEN_EXPIRED");
  const next = await script.accept();
  assert.equal(shown(next), "Bearer t4");
  next.welcome();
  await settle();
  assert.equal(session.state, "connected");
  const causes = told.flatMap((event) => (event.kind === "reconnecting" ? [event.cause] : []));
  assert.deepEqual(
    causes.map(({ code, reason }) => [code, reason]),
    [
      [Code.Unauthenticated, "TOKEN_EXPIRED"],
      [Code.Unavailable, "NO_TOKEN"],
      [Code.Unavailable, "NO_TOKEN"],
    ],
  );
  assert.match(causes[1]!.message, /no network/);
});

test("any other refusal of a token is final", async (t) => {
  const { script, stream, session } = await begin(t, counting());
  stream.lose();
  (await script.accept()).end(Code.Unauthenticated, "BAD_TOKEN");
  assert.equal((await session.ended)?.reason, "BAD_TOKEN");
  assert.equal(script.waiting, 0);
});

test("closing while a token is renewed", async (t) => {
  const { script, stream, session } = await begin(t, counting());
  expiring(stream);
  const next = await script.accept();
  await next.hearThat("resume");
  const last = session.data({ room: "den", type: "last" });
  const closing = session.close();
  await settle();
  assert.deepEqual(stream.unheard(), []);
  next.welcome();
  assert.equal((await next.hearThat("data")).type, "last");
  next.say({ case: "ack", value: {} }, { requestId: 2n });
  await last;
  assert.equal(await next.hear(), undefined, "the goodbye");
  next.end(0 as Code);
  assert.equal(await closing, undefined);
});

test("ending while a token is renewed", async (t) => {
  const { script, stream, session, heard } = await begin(t, counting());
  expiring(stream);
  const next = await script.accept();
  session.abort();
  await settle();
  assert.deepEqual([stream.readyState, next.readyState], [3, 3]);
  assert.deepEqual(heard(), ["ended"]);
  assert.equal(script.waiting, 0);
});

for (const [what, token, message] of [
  ["throws", () => Promise.reject(new Error("not signed in")), /NO_TOKEN: no access token to show: .*not signed in/],
  ["gives no text", () => undefined as unknown as string, /expected a string, not undefined/],
  ["gives what no header can carry", () => "se\ncret", /expected visible ASCII characters alone$/],
] as const) {
  test(`no session with a function that ${what}`, async () => {
    const script = new Script();
    const connecting = Session.connect("http://test", { webSocket: script.webSocket, transport: "websocket", token });
    await assert.rejects(connecting, (error) => {
      assert.ok(error instanceof EndError);
      assert.equal(error.code, Code.Unavailable);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /cret/);
      return true;
    });
    assert.equal(script.waiting, 0);
  });
}

test("a signal ends the waiting for a token", async () => {
  const controller = new AbortController();
  const connecting = Session.connect("http://test", {
    webSocket: new Script().webSocket,
    token: () => new Promise<string>(() => {}),
    signal: controller.signal,
  });
  controller.abort(new Error("changed my mind"));
  await assert.rejects(connecting, { message: "changed my mind" });
});
