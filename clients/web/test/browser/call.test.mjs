import assert from "node:assert/strict";
import { test } from "node:test";

import { blockUdp, needsNetwork } from "./support/network.mjs";
import { both, call, takeCalls, twoTabs, ufrag } from "./support/pair.mjs";

test("a call with sound and picture, and its end", async (t) => {
  const pair = await twoTabs(t, "call");
  await pair.bob.evaluate(takeCalls);
  await pair.ana.evaluate(call);
  await both(pair, () => inState("connected"));
  await both(pair, () => beckon.watching(window.call.pc));

  const candidates = await pair.bob.evaluate(() => events.filter(({ kind }) => kind === "candidateReceived"));
  const all = candidates.flatMap(({ candidates }) => candidates);
  assert.ok(candidates.length < all.length, "candidates travel together");
  assert.equal(all.at(-1).candidate, "", "the end of candidates is told");

  const route = await pair.ana.evaluate(() => beckon.until("a route", () => window.call.route()));
  assert.equal(route.relayed, false);

  await pair.ana.evaluate(() => window.call.hangup());
  await both(pair, () => inState("ended"));
  assert.deepEqual(await both(pair, () => window.call.end), [
    { by: "us", reason: "hungUp", detail: "" },
    { by: "peer", reason: "hungUp", detail: "" },
  ]);
});

test("both call at once", async (t) => {
  const pair = await twoTabs(t, "glare");
  await both(pair, takeCalls);
  // Both have made their offers before either is sent.
  await both(pair, () => {
    const offer = session.offer.bind(session);
    const sending = new Promise((resolve) => (window.send = resolve));
    session.offer = async (message) => {
      window.made = true;
      await sending;
      return offer(message);
    };
  });
  await both(pair, call);
  await both(pair, () => beckon.until("the offer", () => window.made));
  await both(pair, () => window.send());
  await both(pair, () => inState("connected"));
  await both(pair, () => beckon.watching(window.call.pc));
  const [first, second] = await both(pair, () => window.call.callId);
  assert.equal(first, second, "they are in one call");
  const made = await both(pair, () => events.filter(({ kind }) => kind === "callMade").length);
  assert.deepEqual(made, [1, 1], "both have offered");
  const [, rejected] = await both(pair, () => events.filter(({ kind }) => kind === "callRejected").length);
  assert.equal(rejected, 0, "the impolite side is not refused");
});

test("a call that is declined", async (t) => {
  const pair = await twoTabs(t, "declined");
  await pair.bob.evaluate(() => beckon.onCall(session, room, (call) => call.reject("busy", "in a meeting")));
  await pair.ana.evaluate(call);
  await pair.ana.evaluate(() => inState("ended"));
  assert.deepEqual(await pair.ana.evaluate(() => window.call.end), {
    by: "peer",
    reason: "busy",
    detail: "in a meeting",
  });
});

test("a call that is taken back, or not answered", async (t) => {
  const pair = await twoTabs(t, "no answer");
  await pair.bob.evaluate(() => beckon.onCall(session, room, (call) => (window.call = call)));
  await pair.ana.evaluate(call);
  await pair.bob.evaluate(() => inState("ringing"));
  await pair.ana.evaluate(() => window.call.hangup());
  await pair.bob.evaluate(() => inState("ended"));
  assert.equal(await pair.bob.evaluate(() => window.call.end.reason), "cancelled");

  await pair.ana.evaluate(() => {
    window.call = new beckon.Call(session, { room, peer, answerTimeout: 300 });
    window.call.openChannel("talk");
  });
  await both(pair, () => inState("ended"));
  assert.deepEqual(await both(pair, () => window.call.end.reason), ["timeout", "timeout"]);
});

test("a call to somebody who is not there", async (t) => {
  const { ana } = await twoTabs(t, "nobody");
  await ana.evaluate(async () => {
    window.call = new beckon.Call(session, { room, peer: "nobody" });
    window.call.openChannel("talk");
    await inState("ended");
  });
  assert.equal(await ana.evaluate(() => window.call.end.reason), "unreachable");
});

test("an offer that cannot be taken is rejected", async (t) => {
  const pair = await twoTabs(t, "unsupported");
  await pair.bob.evaluate(takeCalls);
  await pair.ana.evaluate(() => session.offer({ room, to: peer, callId: "odd", sdp: "not SDP" }));
  await pair.bob.evaluate(() => inState("ended"));
  await pair.ana.evaluate(() =>
    beckon.until("the rejection", () => events.some((e) => e.kind === "callRejected" && e.reason === 3)),
  );
});

test("both renegotiate at once, many times", async (t) => {
  const pair = await twoTabs(t, "renegotiation");
  await pair.bob.evaluate(takeCalls);
  await pair.ana.evaluate(call);
  await both(pair, () => inState("connected"));
  await both(pair, async () => {
    const { track } = window.call.pc.getSenders().find(({ track }) => track.kind === "video");
    for (let i = 0; i < 5; i++) {
      window.call.addTrack(track.clone(), new MediaStream());
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
    }
    const { pc } = window.call;
    await beckon.until("all tracks", () => {
      const receiving = pc
        .getTransceivers()
        .filter(({ currentDirection }) => currentDirection === "sendrecv" || currentDirection === "recvonly");
      return pc.signalingState === "stable" && receiving.length >= 7;
    });
  });
  assert.deepEqual(await both(pair, () => window.call.state), ["connected", "connected"]);
});

test("an ICE restart by both sides", async (t) => {
  const pair = await twoTabs(t, "restart");
  await pair.bob.evaluate(takeCalls);
  await pair.ana.evaluate(call);
  await both(pair, () => inState("connected"));
  await both(pair, async () => {
    const ufrag = () => /a=ice-ufrag:(\S+)/.exec(window.call.pc.currentLocalDescription.sdp)[1];
    const before = ufrag();
    window.call.pc.restartIce();
    await beckon.until("another ufrag", () => ufrag() !== before && window.call.pc.signalingState === "stable");
    await inState("connected");
    await beckon.watching(window.call.pc);
  });
});

test("a way that is lost is found again", needsNetwork, async (t) => {
  const pair = await twoTabs(t, "lost way");
  await pair.bob.evaluate(takeCalls);
  await pair.ana.evaluate(call);
  await both(pair, () => inState("connected"));
  const before = await both(pair, ufrag);
  const unblock = blockUdp(t);
  await both(pair, () => inState("reconnecting"));
  await new Promise((resolve) => setTimeout(resolve, 5000)); // Long enough for a restart.
  unblock();
  await both(pair, () => inState("connected"));
  await both(pair, () => beckon.watching(window.call.pc));
  const after = await both(pair, ufrag);
  assert.notEqual(after[0], before[0], "the browser found it by a restart of ICE");
});

test("a way that is lost for good ends the call", needsNetwork, async (t) => {
  const pair = await twoTabs(t, "no way");
  await pair.bob.evaluate(takeCalls);
  blockUdp(t);
  await pair.ana.evaluate(async () => {
    window.call = new beckon.Call(session, { room, peer, connectTimeout: 2000 });
    window.call.addStream(await camera());
  });
  await both(pair, () => inState("ended"));
  assert.deepEqual(await both(pair, () => window.call.end), [
    { by: "us", reason: "failed", detail: "found no way to connect" },
    { by: "peer", reason: "failed", detail: "found no way to connect" },
  ]);
});

test("a data channel, and text that is larger than a packet", async (t) => {
  const pair = await twoTabs(t, "data");
  await pair.bob.evaluate(() =>
    beckon.onCall(session, room, (call) => {
      window.call = call;
      call.onChannel = (channel) => (channel.onmessage = ({ data }) => channel.send(data.toUpperCase()));
      call.accept();
    }),
  );
  const echo = await pair.ana.evaluate(async () => {
    window.call = new beckon.Call(session, { room, peer });
    const channel = window.call.openChannel("talk");
    await new Promise((resolve) => (channel.onopen = resolve));
    channel.send("hello".repeat(10000));
    return new Promise((resolve) => (channel.onmessage = ({ data }) => resolve(data)));
  });
  assert.equal(echo, "HELLO".repeat(10000));
});

test("a user who leaves the room ends the call", async (t) => {
  const pair = await twoTabs(t, "leave");
  await pair.bob.evaluate(takeCalls);
  // Who has the list at every change is not told that somebody left; who has single changes is.
  await both(pair, () => session.join({ room, presence: 2 }));
  await pair.ana.evaluate(call);
  await both(pair, () => inState("connected"));
  await pair.bob.close();
  await pair.ana.evaluate(() => inState("ended"));
  assert.equal(await pair.ana.evaluate(() => window.call.end.reason), "left");
});
