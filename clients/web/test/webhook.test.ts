// Sessions whose access a webhook grants for a time, and who show the same each time, against a real server.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { WebSocket } from "ws";

import { Code, type Event as SessionEvent, FailureCode, Presence, Session, type SessionOptions } from "../src/index.js";
import { startServer, type TestServer } from "./server.js";

const folder = mkdtempSync(join(tmpdir(), "beckon-webhook-"));

/** For how many seconds somebody is let in, by what the client shows; 0: not. Others are let in for a day. */
const grants = new Map<string, number>();
/** How often the webhook was asked about somebody, and who waits for that. */
const asked = new Map<string, number>();
let told = (): void => {};

const webhook = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const question = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
  const metadata = question["metadata"] as Record<string, string[]>;
  const who = metadata["x-cookie"]?.[0] ?? (question["token"] as string);
  asked.set(who, (asked.get(who) ?? 0) + 1);
  told();
  const seconds = grants.get(who) ?? 86_400;
  const expires = new Date(Date.now() + seconds * 1000).toISOString();
  const refusal = { allow: false, reason: "your subscription has ended" };
  response.end(JSON.stringify(seconds === 0 ? refusal : { allow: true, identity: who, expires }));
});

let server: TestServer;
before(async () => {
  await new Promise<void>((resolve) => webhook.listen(0, "127.0.0.1", resolve));
  const key = join(folder, "webhook.key");
  writeFileSync(key, randomBytes(32).toString("hex"), { mode: 0o600 });
  server = await startServer(
    ...[
      `--auth-webhook=http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`,
      `--auth-webhook-key-file=${key}`,
    ],
    ...["--heartbeat-interval=1s", "--max-messages-per-second=none"],
  );
});
after(async () => {
  await server.stop("SIGKILL");
  webhook.closeAllConnections();
  webhook.close();
  rmSync(folder, { recursive: true });
});

/** Resolves when the webhook has been asked about somebody that often. */
async function askedAbout(who: string, times: number): Promise<void> {
  while ((asked.get(who) ?? 0) < times) await new Promise<void>((resolve) => (told = resolve));
}

async function open(t: TestContext, options: SessionOptions) {
  const session = await Session.connect(server.url, { webSocket: WebSocket, ...options });
  t.after(() => session.abort());
  const events: SessionEvent[] = [];
  session.subscribe((event) => events.push(event));
  const kinds = (): string[] => events.map(({ kind }) => kind);
  const data = (): string[] => events.flatMap((event) => (event.kind === "dataReceived" ? [event.type] : []));
  return { session, events, kinds, data };
}

for (const transport of ["websocket", "fetch"] as const) {
  // Over a websocket no headers but the token's reach the webhook.
  const constant = transport === "fetch" ? "other headers" : "the same text";
  for (const [what, seconds, show, isTold, isLost] of [
    // A second after it was granted access has less than a minute to go.
    ["a token", 61, (who: string) => ({ token: () => who }), false, false],
    [
      constant,
      61,
      (who: string) => (transport === "fetch" ? { headers: { "x-cookie": who } } : { token: who }),
      true,
      false,
    ],
    ["a token, for a moment alone", 1, (who: string) => ({ token: () => who }), false, true],
  ] as const) {
    test(`a webhook extends ${what}, over ${transport}`, { timeout: 60_000 }, async (t) => {
      const who = `ana-${t.name.replaceAll(/[^a-z]/g, "-")}`;
      const room = who;
      grants.set(who, seconds);
      const ana = await open(t, { transport, ...show(who) });
      const bob = await open(t, { token: "bob" });
      for (const { session } of [ana, bob]) await session.join({ room, presence: Presence.NONE });
      // Twice it is extended. Both say as much as they can meanwhile, several messages at a time.
      let isOver = false;
      const extended = askedAbout(who, isLost ? 5 : 3).then(() => (isOver = true));
      let count = 0;
      const say = (from: Session, to: Session): Promise<unknown> =>
        Promise.all([0, 1, 2].map((i) => from.data({ to: to.id, room, type: `${count + i}` })));
      for (; !isOver; count += 3) await Promise.all([say(ana.session, bob.session), say(bob.session, ana.session)]);
      await extended;
      await Promise.all([say(ana.session, bob.session), say(bob.session, ana.session)]);
      count += 3;
      const all = Array.from({ length: count }, (_, i) => `${i}`);
      for (const side of [ana, bob]) {
        // What was said last may still be on its way.
        if (side.data().length < count)
          await new Promise<void>((resolve) => side.session.subscribe(() => side.data().length === count && resolve()));
        assert.deepEqual(side.data(), all, "once and in order");
      }
      assert.equal(ana.kinds().includes("reconnecting"), isLost);
      const failures = ana.events.flatMap((event) => (event.kind === "failure" ? [event.code] : []));
      assert.deepEqual([...new Set(failures)], isTold ? [FailureCode.TOKEN_EXPIRING] : []);
      assert.deepEqual([...new Set(bob.kinds())].sort(), ["dataReceived", "joinedUsers"], "bob has noticed nothing");
      t.diagnostic(`${count} messages each way, asked ${asked.get(who)} times`);
    });
  }

  test(`a webhook that denies ends the session, over ${transport}`, { timeout: 60_000 }, async (t) => {
    const who = `eve-${transport}`;
    grants.set(who, 3);
    const opened = Date.now();
    const eve = await open(t, { transport, token: () => who });
    grants.set(who, 0);
    const end = await eve.session.ended;
    assert.deepEqual(
      [end?.code, end?.reason, end?.detail],
      [Code.PermissionDenied, "NOT_ALLOWED", "your subscription has ended"],
    );
    assert.ok(Date.now() - opened >= 2000, "while she is let in, that she will not be again costs nothing");
    assert.equal(asked.get(who), 3, "at first, before it ran out, and after that");
    assert.ok(!eve.kinds().includes("resumed"));
  });
}
