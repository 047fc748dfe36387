// Sessions with access tokens, against a real server.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { WebSocket } from "ws";

import {
  Code,
  type Event as SessionEvent,
  type EventOf,
  FailureCode,
  Presence,
  Session,
  type SessionOptions,
} from "../src/index.js";
import { program, startServer, type TestServer } from "./server.js";

const folder = mkdtempSync(join(tmpdir(), "beckon-token-"));
const key = join(folder, "token.key");

let server: TestServer;
before(async () => {
  writeFileSync(key, randomBytes(32).toString("hex"), { mode: 0o600 });
  server = await startServer(
    ...[`--token-key-file=${key}`, "--token-skew=1ms", "--heartbeat-interval=1s"],
    "--max-messages-per-second=none",
  );
});
after(async () => {
  await server.stop("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** Makes a token for somebody that is good for some seconds. */
async function make(sub: string, seconds: number): Promise<string> {
  const { stdout } = await promisify(execFile)(program, ["token", "--key", key, "--sub", sub, "--ttl", `${seconds}s`]);
  return stdout;
}

/** When a token runs out, in milliseconds since 1970. */
function expiry(token: string): number {
  const { exp } = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as { exp: number };
  return exp * 1000;
}

async function open(t: TestContext, token: SessionOptions["token"], options: SessionOptions = {}) {
  const session = await Session.connect(server.url, { webSocket: WebSocket, ...options, token: token! });
  t.after(() => session.abort());
  const told: SessionEvent[] = [];
  let wake = (): void => {};
  session.subscribe((event) => {
    told.push(event);
    wake();
  });
  /** Takes the first event of a kind, and waits for it. */
  const next = async <K extends SessionEvent["kind"]>(kind: K): Promise<EventOf<K>> => {
    for (;;) {
      const i = told.findIndex((event) => event.kind === kind);
      if (i >= 0) return told.splice(i, 1)[0] as EventOf<K>;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  const kinds = (): string[] => told.map(({ kind }) => kind);
  return { session, next, kinds };
}

for (const transport of ["websocket", "fetch"] as const) {
  test(`a session outlives its tokens, over ${transport}`, { timeout: 60_000 }, async (t) => {
    const room = t.name;
    t.mock.method(Math, "random", () => 0); // No pauses: each token is replaced as soon as it is there.
    const used: string[] = [];
    const renewing = async (): Promise<string> => {
      used.push(await make("ana", 3));
      return used.at(-1)!;
    };
    const headers = new Set<string | null>();
    const ana = await open(t, renewing, {
      transport,
      fetch: (input, init) => {
        if (String(input).endsWith("/Send")) headers.add(new Headers(init?.headers).get("authorization"));
        return fetch(input, init);
      },
    });
    const bob = await open(t, await make("bob", 600));
    // Ana comes last: she may be taken up on another stream at any time, and whoever comes then is in the list of that one.
    await bob.session.join({ room, name: "bob", presence: Presence.DELTA });
    await ana.session.join({ room, name: "ana", presence: Presence.DELTA });
    await ana.next("joinedUsers");
    await bob.next("joinedUsers");
    await bob.next("userJoined");

    // Both say as much as they can, several messages at a time.
    let count = 0;
    const say = (from: Session, to: Session): Promise<unknown> =>
      Promise.all([0, 1, 2].map((i) => from.data({ to: to.id, room, type: `${count + i}` })));
    for (; used.length < 4 || Date.now() < expiry(used[2]!); count += 3)
      await Promise.all([say(ana.session, bob.session), say(bob.session, ana.session)]);
    for (let i = 0; i < count; i++)
      for (const { next } of [ana, bob]) assert.equal((await next("dataReceived")).type, `${i}`, "once and in order");
    assert.deepEqual(bob.kinds(), [], "bob has noticed nothing");
    const others = ana.kinds().filter((kind) => !["joinedUsers", "resumed"].includes(kind));
    assert.deepEqual(others, [], "and she has nothing to do");
    assert.equal(ana.session.transport, transport);
    if (transport === "fetch") assert.ok(headers.size >= 4 && !headers.has(null), `${headers.size} tokens with Sends`);
    t.diagnostic(`${count} messages each way, ${used.length} tokens`);
  });

  test(`a token that has run out is replaced, over ${transport}`, { timeout: 60_000 }, async (t) => {
    const first = await make("ana", 2);
    const second = await make("ana", 600);
    const ana = await open(t, () => (Date.now() < expiry(first) ? first : second), { transport });
    const joined = ana.session.join({ room: t.name });
    const { cause } = await ana.next("reconnecting");
    assert.deepEqual([cause.code, cause.reason], [Code.Unauthenticated, "TOKEN_EXPIRED"]);
    await joined;
    await ana.next("resumed");
    await ana.session.update({ room: t.name, name: "Ana" });
    assert.equal(ana.session.state, "connected");
  });

  test(`a session ends with its last token, over ${transport}`, { timeout: 60_000 }, async (t) => {
    const token = await make("ana", 2);
    const renewable = await open(t, () => token, { transport });
    const fixed = await open(t, token, { transport });
    assert.equal((await fixed.next("failure")).code, FailureCode.TOKEN_EXPIRING);
    for (const { session, kinds } of [renewable, fixed]) {
      const end = await session.ended;
      assert.deepEqual([end?.code, end?.reason], [Code.Unauthenticated, "TOKEN_EXPIRED"]);
      assert.ok(!kinds().includes("failure"));
    }
  });

  test(`a token of somebody else, over ${transport}`, { timeout: 60_000 }, async (t) => {
    const own = await make("ana", 3);
    const other = await make("bob", 600);
    let token = own;
    const ana = await open(t, () => token, { transport });
    token = other;
    const end = await ana.session.ended;
    assert.ok(Date.now() >= expiry(own), "as long as her own is good, hers is");
    assert.deepEqual([end?.code, end?.reason], [Code.NotFound, "NO_SUCH_SESSION"]);
  });

  test(`who shows no token that is good is refused, over ${transport}`, async (t) => {
    for (const [token, reason] of [
      [undefined, "NO_TOKEN"],
      ["", "NO_TOKEN"],
      ["abc", "BAD_TOKEN"],
      [() => "abc", "BAD_TOKEN"],
    ] as const)
      await assert.rejects(open(t, token, { transport }), { code: Code.Unauthenticated, reason });
  });
}
