// How a tab reaches the server: by a websocket, without one, from pages of other origins, and anew.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";

import { launch, openTab } from "./support/chromium.mjs";
import { serve } from "./support/server.mjs";

/** To be run in a tab: no websocket reaches its server. */
function blockWebSockets() {
  const Real = WebSocket;
  window.WebSocket = class extends Real {
    constructor(url, protocols) {
      const nobody = new URL(url);
      nobody.port = "1";
      super(nobody, protocols);
    }
  };
}

/** Opens the page and joins the lobby. */
async function enter(t, browser, web, name, options) {
  const tab = await openTab(t, browser, `${web}/#lobby`, options);
  await tab.getByLabel("Your name").fill(name);
  await tab.getByRole("button", { name: "Join" }).click();
  return tab;
}

test("a network without websockets", async (t) => {
  const { web } = await serve(t);
  const browser = await launch(t);
  const ana = await enter(t, browser, web, "Ana", { before: blockWebSockets });
  const bob = await enter(t, browser, web, "Bob");
  for (const tab of [ana, bob]) await tab.locator("#tiles").getByText("connected, direct").waitFor();
  const urls = await ana.evaluate(() =>
    performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname),
  );
  assert.ok(urls.includes("/beckon.v1.Signal/Send"), `it has sent: ${urls}`);

  await bob.getByRole("button", { name: "Chat" }).click();
  await ana.getByRole("button", { name: "Chat" }).click();
  await bob.getByLabel("Message to everybody").fill("over a websocket");
  await bob.keyboard.press("Enter");
  await ana.locator("#messages").getByText("over a websocket").waitFor();
  await ana.getByLabel("Message to everybody").fill("without one");
  await ana.keyboard.press("Enter");
  await bob.locator("#messages").getByText("without one").waitFor();

  await ana.getByRole("button", { name: "Leave" }).click();
  await bob.getByText("Nobody else is here yet").waitFor();
});

for (const [transport, how] of [
  ["websocket", "closed"],
  ["websocket", "left"],
  ["fetch", "closed"],
  ["fetch", "left"],
]) {
  test(`a tab that is ${how} says goodbye, over ${transport}`, async (t) => {
    const { web } = await serve(t);
    const browser = await launch(t);
    const bob = await openTab(t, browser, web, { client: true });
    await bob.evaluate(async () => {
      window.events = [];
      window.session = await beckon.Session.connect("/");
      session.subscribe((event) => events.push(event));
      await session.join({ room: "goodbye", presence: 2 });
    });
    const ana = await openTab(t, browser, web, { client: true });
    const id = await ana.evaluate(async (transport) => {
      window.session = await beckon.Session.connect("/", { transport });
      await session.join({ room: "goodbye" });
      return session.id;
    }, transport);
    await bob.evaluate(() => beckon.until("ana", () => events.some(({ kind }) => kind === "userJoined")));

    if (how === "closed") await ana.close({ runBeforeUnload: false });
    else await ana.goto("about:blank");
    const left = await bob.evaluate(() =>
      beckon.until("her end", () => events.find(({ kind }) => kind === "userLeft")),
    );
    assert.equal(left.user.id, id);
    const [LEFT, LOST] = [1, 2];
    // Chromium may give up Listen before it sends the goodbye.
    const reasons = transport === "websocket" ? [LEFT] : [LEFT, LOST];
    t.diagnostic(`reason ${left.reason}`);
    assert.ok(reasons.includes(left.reason), `reason ${left.reason}`);
  });
}

/** An empty page of another origin than the server's, in which to use the client. */
async function foreignTab(t) {
  const site = createServer((request, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end("<!doctype html><title>elsewhere</title>");
  });
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  t.after(() => site.close());
  const origin = `http://127.0.0.1:${site.address().port}`;
  const open = async () => openTab(t, await launch(t), origin, { client: true });
  return { origin, open };
}

/** Tries to open a session. @returns how: with its id, or the error. */
function tryIt(tab, web) {
  return tab.evaluate(async (web) => {
    const tries = ["websocket", "fetch"].map(async (transport) => {
      try {
        const session = await beckon.Session.connect(web, { transport });
        await session.join({ room: "lobby" });
        await session.close();
        return "open";
      } catch (error) {
        return error.name;
      }
    });
    return Promise.all(tries);
  }, web);
}

test("a page of another origin is refused", async (t) => {
  const { open } = await foreignTab(t);
  const { web } = await serve(t);
  assert.deepEqual(await tryIt(await open(), web), ["EndError", "EndError"]);
});

test("a page of another origin that the operator has named may", async (t) => {
  const { origin, open } = await foreignTab(t);
  const { web } = await serve(t, "--web-origin", origin);
  assert.deepEqual(await tryIt(await open(), web), ["open", "open"]);
});

test("a server that comes back is joined again", async (t) => {
  const first = await serve(t);
  const browser = await launch(t);
  const ana = await enter(t, browser, first.web, "Ana");
  const bob = await enter(t, browser, first.web, "Bob");
  for (const tab of [ana, bob]) await tab.locator("#tiles").getByText("connected, direct").waitFor();
  await first.stop();
  for (const tab of [ana, bob]) await tab.getByText("The connection to the server was lost").waitFor();
  await serve(t, "--web", new URL(first.web).host);
  for (const tab of [ana, bob]) {
    await tab.locator("#tiles").getByText("connected, direct").waitFor();
    await tab.locator("#notice").waitFor({ state: "hidden" });
  }
});
