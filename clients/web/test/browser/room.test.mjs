import assert from "node:assert/strict";
import { test } from "node:test";

import { launch, openTab } from "./support/chromium.mjs";
import { serve } from "./support/server.mjs";

/** A server and a function that opens a tab in the room `lobby` on it. */
async function lobby(t) {
  const { web } = await serve(t);
  const browser = await launch(t);
  return async (name, { watches = false } = {}) => {
    const tab = await openTab(t, browser, web, { client: true });
    await tab.evaluate(
      async ({ name, watches }) => {
        window.session = await beckon.Session.connect("/");
        window.left = [];
        window.room = await beckon.Room.join(session, {
          room: "lobby",
          name,
          stream: watches ? undefined : await navigator.mediaDevices.getUserMedia({ video: true, audio: true }),
          onLeave: ({ user }) => left.push(user.name),
        });
        /** Waits until the calls with exactly these are up. */
        window.withPeers = (...names) =>
          beckon.until(`calls with ${names}`, () => {
            const up = [...room.peers.values()].filter(({ call }) => call?.state === "connected");
            return (
              room.peers.size === names.length &&
              up
                .map(({ user }) => user.name)
                .sort()
                .join() === names.join()
            );
          });
        window.watchingAll = () => Promise.all(Array.from(room.peers.values(), ({ call }) => beckon.watching(call.pc)));
      },
      { name, watches },
    );
    return tab;
  };
}

test("three in a mesh: each sees the two others; one leaves, one comes back", async (t) => {
  const enter = await lobby(t);
  const ana = await enter("ana");
  const bob = await enter("bob");
  let cleo = await enter("cleo");
  const allMeet = () =>
    Promise.all([
      ana.evaluate(() => withPeers("bob", "cleo").then(watchingAll)),
      bob.evaluate(() => withPeers("ana", "cleo").then(watchingAll)),
      cleo.evaluate(() => withPeers("ana", "bob").then(watchingAll)),
    ]);
  await allMeet();
  const offers = await ana.evaluate(() => Array.from(room.peers.values(), ({ weCall }) => weCall));
  assert.deepEqual(offers, [false, false], "who comes calls");

  await cleo.evaluate(() => room.leave());
  await ana.evaluate(() => withPeers("bob"));
  assert.deepEqual(await ana.evaluate(() => left), ["cleo"]);

  await cleo.close();
  cleo = await enter("cleo");
  await allMeet();
});

test("one who only watches, and begins to send later", async (t) => {
  const enter = await lobby(t);
  const ana = await enter("ana");
  const bob = await enter("bob", { watches: true });
  await ana.evaluate(() => withPeers("bob"));
  await bob.evaluate(() => withPeers("ana").then(watchingAll));
  await bob.evaluate(async () => {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
    await room.replaceTrack("video", stream.getVideoTracks()[0]);
  });
  await ana.evaluate(() => watchingAll());
  // The other way round: the one who is called only watches.
  const cleo = await enter("cleo", { watches: true });
  await cleo.evaluate(() => withPeers("ana", "bob").then(watchingAll));
});

test("a picture is replaced for all without negotiation", async (t) => {
  const enter = await lobby(t);
  const ana = await enter("ana");
  const bob = await enter("bob");
  await ana.evaluate(() => withPeers("bob").then(watchingAll));
  await bob.evaluate(() => {
    window.offers = 0;
    session.subscribe(({ kind }) => (window.offers += kind === "callMade" ? 1 : 0));
  });
  await ana.evaluate(async () => {
    await room.replaceTrack("video", null);
    const canvas = document.createElement("canvas");
    canvas.width = 320;
    canvas.height = 640;
    setInterval(() => canvas.getContext("2d").fillRect(Math.random() * 300, 0, 9, 640), 50);
    await room.replaceTrack("video", canvas.captureStream(20).getVideoTracks()[0]);
  });
  await bob.evaluate(async () => {
    const [peer] = room.peers.values();
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = peer.stream;
    await video.play();
    await beckon.until("the canvas", () => video.videoHeight === 2 * video.videoWidth);
  });
  assert.equal(await bob.evaluate(() => window.offers), 0);
});

test("a call that fails is made again", async (t) => {
  const enter = await lobby(t);
  const ana = await enter("ana");
  const bob = await enter("bob");
  await ana.evaluate(() => withPeers("bob"));
  const before = await bob.evaluate(() => {
    const [{ call }] = room.peers.values();
    call.hangup("failed");
    return call.callId;
  });
  const after = await ana.evaluate(
    (before) =>
      beckon.until("another call", () => {
        const [{ call }] = room.peers.values();
        return call?.state === "connected" && call.callId !== before && call.callId;
      }),
    before,
  );
  await bob.evaluate(() => withPeers("ana"));
  assert.equal(await bob.evaluate(() => room.peers.values().next().value.call.callId), after);
});

test("the end of the session is the end of the room", async (t) => {
  const enter = await lobby(t);
  const ana = await enter("ana");
  const bob = await enter("bob");
  await ana.evaluate(() => withPeers("bob"));
  await ana.evaluate(() => session.close());
  assert.equal(await ana.evaluate(() => room.peers.size), 0);
  await bob.evaluate(() => withPeers());
});
