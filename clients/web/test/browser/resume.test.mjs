// Calls and rooms of a tab that loses the server.
import assert from "node:assert/strict";
import { test } from "node:test";

import { launch, openTab } from "./support/chromium.mjs";
import { blockUdp, needsNetwork } from "./support/network.mjs";
import { both, call, takeCalls, twoTabs, ufrag } from "./support/pair.mjs";
import { serve } from "./support/server.mjs";

/** Both sides notice within three seconds that they do not hear of each other. */
const quick = "--heartbeat-interval=1s";

const kindsOf = () => events.map(({ kind }) => kind);

for (const [what, fail] of [
  ["swallows everything", (network) => network.swallow()],
  ["resets every connection", (network) => network.refuse()],
]) {
  test(`a call is set up over a network that ${what} for ten seconds in the middle`, async (t) => {
    const { ana, bob, networks } = await twoTabs(t, "gone", quick);
    const pair = { ana, bob };
    await bob.evaluate(async () => {
      const stream = await camera();
      beckon.onCall(session, room, (call) => {
        window.call = call;
        call.addStream(stream);
      });
    });
    await ana.evaluate(call);
    await bob.evaluate(() => inState("ringing"));
    await bob.evaluate(() => (window.before = events.length));
    fail(networks[0]);
    await bob.evaluate(() => window.call.accept());
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    assert.equal(await ana.evaluate(() => session.state), "reconnecting");
    assert.deepEqual(await both(pair, () => window.call.state), ["calling", "connecting"]);
    networks[0].heal();
    await both(pair, () => inState("connected"));
    await both(pair, () => beckon.watching(window.call.pc));
    assert.ok((await ana.evaluate(kindsOf)).includes("resumed"));
    const lists = await bob.evaluate(() =>
      events.slice(before).flatMap(({ users }) => (users ? [users.map(({ status }) => status)] : [])),
    );
    assert.ok(lists.length > 0, "he has seen her away");
    for (const list of lists) assert.equal(list.length, 2, "and never gone");
  });
}

test("a call does not notice that its tab loses the server", async (t) => {
  const { ana, bob, networks } = await twoTabs(t, "signaling", quick);
  const pair = { ana, bob };
  await bob.evaluate(takeCalls);
  await ana.evaluate(call);
  await both(pair, () => inState("connected"));
  await both(pair, () => {
    window.states = [];
    window.call.onState = (state) => states.push(state);
  });
  const before = await both(pair, ufrag);
  for (const network of networks) network.refuse();
  await both(pair, () => beckon.until("the loss", () => session.state === "reconnecting"));
  await both(pair, () => beckon.watching(window.call.pc));
  for (const network of networks) network.heal();
  await both(pair, () => beckon.until("the server", () => session.state === "connected"));
  await both(pair, () => beckon.watching(window.call.pc));
  assert.deepEqual(await both(pair, () => states), [[], []]);
  assert.deepEqual(await both(pair, ufrag), before, "no restart of ICE");
  // It can be renegotiated as before.
  await ana.evaluate(() => {
    const { track } = window.call.pc.getSenders().find(({ track }) => track.kind === "video");
    window.call.addTrack(track.clone(), new MediaStream());
  });
  await bob.evaluate(() => beckon.until("the track", () => window.call.pc.getReceivers().length === 3));
});

test("a way that fails while the server is lost is looked for anew once it is back", async (t) => {
  const { ana, bob, networks } = await twoTabs(t, "failed", quick);
  const pair = { ana, bob };
  await bob.evaluate(takeCalls);
  await ana.evaluate(call);
  await both(pair, () => inState("connected"));
  const before = await both(pair, ufrag);
  networks[0].refuse();
  await ana.evaluate(async () => {
    await beckon.until("the loss", () => session.state === "reconnecting");
    const { pc } = window.call;
    window.restarts = [];
    const restartIce = pc.restartIce.bind(pc);
    pc.restartIce = () => {
      restarts.push(session.state);
      restartIce();
    };
    // As the browser tells it when it gives up.
    for (const name of ["connectionState", "iceConnectionState"])
      Object.defineProperty(pc, name, { value: "failed", configurable: true });
    pc.dispatchEvent(new Event("connectionstatechange"));
    if (window.call.state !== "reconnecting") throw new Error(window.call.state);
  });
  networks[0].heal();
  await ana.evaluate(async () => {
    await beckon.until("a restart", () => restarts.length > 0);
    const { pc } = window.call;
    delete pc.connectionState;
    delete pc.iceConnectionState;
    pc.dispatchEvent(new Event("connectionstatechange"));
  });
  assert.deepEqual(await ana.evaluate(() => restarts), ["connected"]);
  for (const [i, tab] of [ana, bob].entries()) {
    await tab.evaluate((before) => {
      const now = () => /a=ice-ufrag:(\S+)/.exec(window.call.pc.currentLocalDescription.sdp)[1];
      return beckon.until("another generation of ICE", () => now() !== before);
    }, before[i]);
  }
  await both(pair, () => inState("connected"));
  await both(pair, () => beckon.watching(window.call.pc));
});

test("a way and a server that are lost together are found again", needsNetwork, async (t) => {
  const { ana, bob, networks } = await twoTabs(t, "all lost", quick);
  const pair = { ana, bob };
  await bob.evaluate(takeCalls);
  await ana.evaluate(call);
  await both(pair, () => inState("connected"));
  const before = await both(pair, ufrag);
  const unblock = blockUdp(t);
  networks[0].swallow();
  await both(pair, () => inState("reconnecting"));
  await ana.evaluate(() => beckon.until("the loss", () => session.state === "reconnecting"));
  // Longer than the browser's patience, after which it needs a restart.
  await both(pair, () => beckon.until("giving up", () => window.call.pc.iceConnectionState !== "connected"));
  await new Promise((resolve) => setTimeout(resolve, 5000));
  networks[0].heal();
  unblock();
  await both(pair, () => inState("connected"));
  await both(pair, () => beckon.watching(window.call.pc));
  const after = await both(pair, ufrag);
  assert.notEqual(after[0], before[0], "by a restart of ICE");
});

test("an offer that comes back ends the call", async (t) => {
  const { ana, bob, networks } = await twoTabs(t, "undelivered", "--resume-window=6s");
  networks[1].refuse();
  await ana.evaluate(() => beckon.until("bob away", () => events.at(-1).users.some(({ status }) => status === 1)));
  await ana.evaluate(call);
  await ana.evaluate(() => inState("ended"));
  const { by, reason, detail } = await ana.evaluate(() => window.call.end);
  assert.deepEqual([by, reason], ["server", "unreachable"]);
  assert.match(detail, /UNDELIVERED/);
  networks[1].heal();
  assert.equal(await bob.evaluate(async () => (await session.ended).reason), "NO_SUCH_SESSION");
});

test("a user of whom nothing comes back is no longer in the room only after the window", async (t) => {
  const { web } = await serve(t);
  const tab = await openTab(t, await launch(t), web, { client: true });
  const told = await tab.evaluate(async () => {
    const script = new beckon.Script();
    const connecting = beckon.Session.connect("/", { webSocket: script.webSocket, transport: "websocket" });
    let stream = await script.accept();
    await stream.hear();
    stream.welcome({ resumption: 1 });
    const session = await connecting;
    const told = [];
    const tell = (what, { user, away }) => told.push(`${what} ${user.id}${away ? ", away" : ""}`);
    const joining = beckon.Room.join(session, {
      room: "lobby",
      onPeer: (peer) => peer.call || tell("peer", peer),
      onLeave: (peer, reason) => tell(`left by ${reason}:`, peer),
    });
    const list = (...ids) => {
      const value = { users: ids.map((id) => ({ id })), epoch: "L" };
      stream.say({ case: "joinedUsers", value }, { room: "lobby", seq: 1n });
    };
    list("ana", "bob", "cleo", "dan", "eve");
    await stream.ack();
    const room = await joining;
    const resume = async (resumption, ...ids) => {
      stream.lose();
      stream = await script.accept();
      told.push(resumption === 2 ? "resumed" : "resynced");
      stream.welcome({ resumption, resumeWindow: { seconds: 1n } });
      list(...ids);
      await beckon.until("the server", () => session.state === "connected");
      await new Promise((resolve) => setTimeout(resolve));
    };
    await resume(2, "ana", "bob", "cleo", "dan");
    await resume(3, "ana");
    stream.say({ case: "userJoined", value: { user: { id: "bob" } } }, { room: "lobby", seq: 2n });
    stream.say({ case: "userLeft", value: { user: { id: "cleo" }, reason: 1 } }, { room: "lobby", seq: 3n });
    await beckon.until("dan's end", () => told.at(-1).endsWith("dan, away") && told.at(-1).startsWith("left"));
    told.push(`${[...room.peers.keys()]}`);
    session.abort();
    return told;
  });
  assert.deepEqual(told, [
    ...["peer bob", "peer cleo", "peer dan", "peer eve"],
    ...["resumed", "left by 2: eve"],
    ...["resynced", "peer bob, away", "peer cleo, away", "peer dan, away"],
    ...["peer bob", "left by 1: cleo, away", "left by 2: dan, away"],
    "bob",
  ]);
});

test("who comes, and calls, while a tab has lost the server is met when it is back", async (t) => {
  const { ana, bob, networks } = await twoTabs(t, "unused", quick);
  const enter = (name) => async () => {
    window.left = [];
    window.met = await beckon.Room.join(session, {
      room: "lobby",
      stream: await camera(),
      onLeave: ({ user }) => left.push(user.id),
    });
    return name;
  };
  await ana.evaluate(enter());
  networks[0].refuse();
  await ana.evaluate(() => beckon.until("the loss", () => session.state === "reconnecting"));
  await bob.evaluate(enter());
  await bob.evaluate(() => beckon.until("the call", () => [...met.peers.values()][0]?.call?.state === "calling"));
  networks[0].heal();
  for (const tab of [ana, bob]) {
    await tab.evaluate(async () => {
      const connected = () => [...met.peers.values()].find(({ call }) => call?.state === "connected");
      await beckon.watching((await beckon.until("the call", connected)).call.pc);
    });
    assert.deepEqual(await tab.evaluate(() => left), []);
  }
});
