import assert from "node:assert/strict";
import { test } from "node:test";

import { launch, openTab } from "./support/chromium.mjs";
import { gopeer } from "./support/gopeer.mjs";
import { serve } from "./support/server.mjs";

/** Opens a tab in the room, whose calls open or take a data channel. What is heard on it is `window.heard`. */
async function enter(t, web, { speaks }) {
  const tab = await openTab(t, await launch(t), web, { client: true });
  await tab.evaluate(async (speaks) => {
    window.heard = [];
    window.session = await beckon.Session.connect("/");
    const attend = (channel) => (channel.onmessage = ({ data }) => heard.push(data));
    const known = new Set();
    window.room = await beckon.Room.join(session, {
      room: "lobby",
      name: "tab",
      stream: await navigator.mediaDevices.getUserMedia({ video: true }),
      onPeer: ({ call }) => {
        if (!call || known.has(call)) return;
        known.add(call);
        call.onChannel = attend;
        if (!speaks) return;
        const channel = call.openChannel("talk");
        channel.onopen = () => channel.send("hello from a tab");
        attend(channel);
      },
    });
  }, speaks);
  return tab;
}

/** Waits until the tab has heard something on its data channel. */
const heard = (tab) => tab.evaluate(() => beckon.until("a message", () => window.heard[0]));

test("a native peer calls a tab", async (t) => {
  const { web, grpc } = await serve(t);
  const tab = await enter(t, web, { speaks: false });
  const { ended } = gopeer(t, grpc);
  assert.equal(await heard(tab), "hello from Go");
  await tab.evaluate(() => room.leave());
  assert.deepEqual(await ended, [0, null]);
});

test("a tab calls a native peer", async (t) => {
  const { web, grpc } = await serve(t);
  const { ended, joined } = gopeer(t, grpc);
  await joined;
  const tab = await enter(t, web, { speaks: true });
  assert.equal(await heard(tab), "HELLO FROM A TAB");
  await tab.evaluate(() => room.leave());
  assert.deepEqual(await ended, [0, null]);
});
