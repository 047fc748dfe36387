// Calls that go through the server's own relay: because the browser is told so, and because the room is.
import assert from "node:assert/strict";
import { test } from "node:test";

import { launch, openTab } from "./support/chromium.mjs";
import { both, takeCalls, twoTabs } from "./support/pair.mjs";
import { serve } from "./support/server.mjs";

/** A relay on this machine, whose address is told to clients by `welcome` alone. */
const relay = ["--turn", "127.0.0.1:0", "--turn-public-ip", "127.0.0.1", "--turn-allow-private"];

/** To be run in a tab: the types of the candidates in the pair that carries the call, own and other. */
async function selectedPair() {
  const stats = await window.call.pc.getStats();
  const all = [...stats.values()];
  const transport = all.find(({ type }) => type === "transport");
  const pair = stats.get(transport.selectedCandidatePairId);
  return [stats.get(pair.localCandidateId).candidateType, stats.get(pair.remoteCandidateId).candidateType];
}

test("a browser that is told to relay", async (t) => {
  const pair = await twoTabs(t, "relay", ...relay);
  const [servers] = await both(pair, () => session.iceServers);
  const urls = servers.flatMap(({ urls }) => urls);
  assert.ok(
    urls.some((url) => url.startsWith("turn:127.0.0.1:")),
    `the relay is among ${urls}`,
  );
  await pair.bob.evaluate(async () => {
    const stream = await camera();
    const take = (call) => {
      window.call = call;
      call.addStream(stream);
      call.accept();
    };
    beckon.onCall(session, room, take, { rtc: { iceTransportPolicy: "relay" } });
  });
  await pair.ana.evaluate(async () => {
    window.call = new beckon.Call(session, { room, peer, rtc: { iceTransportPolicy: "relay" } });
    window.call.addStream(await camera());
  });
  await both(pair, () => inState("connected"));
  await both(pair, () => beckon.watching(window.call.pc));
  for (const types of await both(pair, selectedPair)) assert.deepEqual(types, ["relay", "relay"]);
  const [ana, bob] = await both(pair, () => beckon.until("a route", () => window.call.route()));
  assert.deepEqual([ana.relayed, bob.relayed], [true, true]);
  assert.ok((await both(pair, () => beckon.framesDecoded(window.call.pc))).every((frames) => frames >= 10));
});

test("without a relay such a browser reaches nobody", async (t) => {
  const pair = await twoTabs(t, "no relay");
  await pair.bob.evaluate(takeCalls);
  await pair.ana.evaluate(async () => {
    const rtc = { iceTransportPolicy: "relay" };
    window.call = new beckon.Call(session, { room, peer, rtc, connectTimeout: 2000 });
    window.call.addStream(await camera());
    await inState("ended");
  });
  assert.equal(await pair.ana.evaluate(() => window.call.end.reason), "failed");
});

test("a room in which only relay candidates pass", async (t) => {
  const pair = await twoTabs(t, "team-1", ...relay, "--relay-only", "team-*");
  await pair.bob.evaluate(takeCalls);
  await pair.ana.evaluate(async () => {
    window.call = new beckon.Call(session, { room, peer });
    window.call.addStream(await camera());
  });
  await both(pair, () => inState("connected"));
  await both(pair, () => beckon.watching(window.call.pc));
  const own = await both(pair, () => window.call.pc.localDescription.sdp);
  const heard = await both(pair, () =>
    events.flatMap((event) =>
      event.kind === "candidateReceived" ? event.candidates.map(({ candidate }) => candidate) : (event.sdp ?? []),
    ),
  );
  for (const sdp of own) assert.match(sdp, / typ host/, "the browser itself shows all that it has");
  const types = heard.flat().flatMap((text) => Array.from(text.matchAll(/ typ (\w+)/g), ([, type]) => type));
  assert.ok(types.length >= 2);
  assert.deepEqual([...new Set(types)], ["relay"]);
  for (const types of await both(pair, selectedPair)) assert.ok(types.includes("relay"), types.join());
  for (const { relayed } of await both(pair, () => beckon.until("a route", () => window.call.route())))
    assert.equal(relayed, true);
});

test("the page in such a room", async (t) => {
  const { web } = await serve(t, ...relay, "--relay-only", "lobby");
  const browser = await launch(t);
  for (const [room, route] of [
    ["lobby", "connected, through a relay"],
    ["den", "connected, direct"],
  ]) {
    const tabs = [];
    for (const name of ["Ana", "Bob"]) {
      const tab = await openTab(t, browser, `${web}/#${room}`);
      await tab.getByLabel("Your name").fill(name);
      await tab.getByRole("button", { name: "Join" }).click();
      tabs.push(tab);
    }
    for (const tab of tabs) await tab.locator("#tiles").getByText(route).waitFor();
  }
});

test("new credentials are those of the next way", async (t) => {
  const { web } = await serve(t);
  const tab = await openTab(t, await launch(t), web, { client: true });
  const used = await tab.evaluate(async () => {
    const servers = (username) => [{ urls: ["turn:192.0.2.1"], username, credential: "secret" }];
    const script = new beckon.Script();
    const connecting = beckon.Session.connect("/", { webSocket: script.webSocket, transport: "websocket" });
    const stream = await script.accept();
    stream.welcome({ iceServers: servers("first") });
    const session = await connecting;
    const call = new beckon.Call(session, { room: "den", peer: "bob" });
    const rtc = { iceServers: servers("own") };
    const other = new beckon.Call(session, { room: "den", peer: "cleo", rtc });
    const names = () => [call, other].map(({ pc }) => pc.getConfiguration().iceServers[0].username);
    const before = names();
    stream.say({ case: "iceServersChanged", value: { iceServers: servers("second") } });
    await beckon.until("them", () => session.iceServers[0].username === "second");
    const after = names();
    stream.lose();
    (await script.accept()).welcome({ iceServers: servers("third") });
    await beckon.until("the next", () => session.iceServers[0].username === "third");
    session.abort();
    return [before, after, names()];
  });
  assert.deepEqual(used, [
    ["first", "own"],
    ["second", "own"],
    ["third", "own"],
  ]);
});
