// The code by which two people know that nobody sits between them.
import assert from "node:assert/strict";
import { test } from "node:test";

import { launch, openTab } from "./support/chromium.mjs";
import { gopeer } from "./support/gopeer.mjs";
import { both, call, twoTabs, ufrag } from "./support/pair.mjs";
import { serve } from "./support/server.mjs";

const form = /^(\d{5} ){5}\d{5}$/;

test("both sides of a call have the same code", async (t) => {
  const pair = await twoTabs(t, "verify");
  await pair.bob.evaluate(() => beckon.onCall(session, room, (call) => (window.call = call)));
  await pair.ana.evaluate(call);
  await pair.bob.evaluate(() => inState("ringing"));
  for (const early of await both(pair, () => window.call.verify().catch(({ message }) => message)))
    assert.match(early, /^there is no code: the descriptions of both sides are needed/);
  await pair.bob.evaluate(() => window.call.accept());
  await both(pair, () => inState("connected"));
  const [ana, bob] = await both(pair, () => window.call.verify());
  assert.match(ana, form);
  assert.equal(ana, bob);

  // It stays whatever way the call takes, and another call has another.
  const before = await pair.ana.evaluate(ufrag);
  await pair.ana.evaluate(() => window.call.pc.restartIce());
  while ((await pair.ana.evaluate(ufrag)) === before);
  await both(pair, () => inState("connected"));
  assert.deepEqual(await both(pair, () => window.call.verify()), [ana, ana]);
  await pair.ana.evaluate(() => window.call.hangup());
  await both(pair, () => inState("ended"));
  await pair.ana.evaluate(call);
  await pair.bob.evaluate(() => inState("ringing"));
  await pair.bob.evaluate(() => window.call.accept());
  await both(pair, () => inState("connected"));
  const [again, andAgain] = await both(pair, () => window.call.verify());
  assert.equal(again, andAgain);
  assert.notEqual(again, ana);
});

test("a native peer sees the code of the tab", async (t) => {
  const { web, grpc } = await serve(t);
  const tab = await openTab(t, await launch(t), `${web}/#lobby`);
  await tab.getByLabel("Your name").fill("Ana");
  await tab.getByRole("button", { name: "Join" }).click();
  await tab.locator("#meeting").waitFor();
  const native = gopeer(t, grpc);
  const line = tab.locator(".tile", { hasText: "gopher" }).getByText("Security code");
  assert.equal(await line.innerText(), `Security code ${await native.code}`);
  await tab.getByRole("button", { name: "Leave" }).click();
  await native.ended;
});

test("somebody in between is seen by it", async (t) => {
  const { web } = await serve(t);
  const tab = await openTab(t, await launch(t), web, { client: true });
  const [ana, bob] = await tab.evaluate(async () => {
    // Eve takes the call of ana and calls bob, as a server could that is not to be trusted.
    const [ana, bob, eve, mallory] = Array.from({ length: 4 }, () => new RTCPeerConnection());
    for (const [caller, taker] of [
      [ana, eve],
      [mallory, bob],
    ]) {
      caller.createDataChannel("talk");
      await caller.setLocalDescription();
      await taker.setRemoteDescription(caller.localDescription);
      await taker.setLocalDescription();
      await caller.setRemoteDescription(taker.localDescription);
    }
    const code = ({ currentLocalDescription: local, currentRemoteDescription: remote }) =>
      beckon.verificationCode(local.sdp, remote.sdp);
    return Promise.all([ana, bob].map(code));
  });
  for (const code of [ana, bob]) assert.match(code, form);
  assert.notEqual(ana, bob);
});

test("the page shows it", async (t) => {
  const { web } = await serve(t);
  const browser = await launch(t);
  const tabs = [];
  for (const name of ["Ana", "Bob", "Cleo"]) {
    const tab = await openTab(t, browser, `${web}/#lobby`);
    await tab.getByLabel("Your name").fill(name);
    await tab.getByRole("button", { name: "Join" }).click();
    tabs.push(tab);
  }
  /** The code of the call with somebody, as the tab shows it. */
  const code = async (tab, name) => {
    const line = tab.locator(".tile", { has: tab.locator(".caption span", { hasText: name }) }).locator(".code");
    await line.getByText("Security code").waitFor();
    assert.match(await line.getAttribute("title"), /Read this to each other/);
    const text = await line.innerText();
    assert.match(text, /^Security code (\d{5} ){5}\d{5}$/);
    return text;
  };
  const [ana, bob, cleo] = tabs;
  const all = await Promise.all([
    ...[code(ana, "Bob"), code(bob, "Ana")],
    ...[code(ana, "Cleo"), code(cleo, "Ana")],
    ...[code(bob, "Cleo"), code(cleo, "Bob")],
  ]);
  for (let i = 0; i < all.length; i += 2) assert.equal(all[i], all[i + 1]);
  assert.equal(new Set(all).size, 3, "each call has its own");
  assert.equal(await ana.locator(".tile", { hasText: "(you)" }).locator(".code").innerText(), "");
});
