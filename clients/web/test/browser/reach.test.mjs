// How a tab reaches the server: by a websocket, without one, from pages of other origins, and anew.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
    const LEFT = 1;
    assert.equal(left.reason, LEFT);
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

/** Ana and Bob on the page, in a call, and how to put another server in the place of theirs. */
async function inCall(t, ...flags) {
  const first = await serve(t, ...flags);
  const browser = await launch(t);
  const ana = await enter(t, browser, first.web, "Ana");
  const bob = await enter(t, browser, first.web, "Bob");
  for (const tab of [ana, bob]) await tab.locator("#tiles").getByText("connected, direct").waitFor();
  const restart = async (...flags) => {
    await first.stop();
    for (const tab of [ana, bob]) await tab.getByText("The connection to the server was lost. Reconnecting").waitFor();
    await serve(t, "--web", new URL(first.web).host, ...flags);
  };
  return { ana, bob, restart };
}

/** The flag with which a server takes up the sessions of the one before it. */
function withKey(t) {
  const folder = mkdtempSync(join(tmpdir(), "beckon-key-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "session.key");
  writeFileSync(file, randomBytes(32).toString("hex"), { mode: 0o600 });
  return ["--session-key-file", file];
}

test("a server that forgot everything is joined anew", async (t) => {
  const { ana, bob, restart } = await inCall(t);
  await restart();
  for (const tab of [ana, bob]) {
    await tab.locator("#notice").waitFor({ state: "hidden" });
    await tab.locator("#tiles").getByText("connected, direct").waitFor();
  }
});

test("a server that is started anew finds the meeting as it was", async (t) => {
  const key = withKey(t);
  const { ana, bob, restart } = await inCall(t, ...key);
  for (const tab of [ana, bob]) {
    await tab.evaluate(() => {
      window.changes = 0;
      new MutationObserver(() => changes++).observe(document.getElementById("tiles"), { childList: true });
    });
  }
  await restart(...key);
  for (const tab of [ana, bob]) await tab.locator("#notice").waitFor({ state: "hidden" });
  await ana.getByRole("button", { name: "Chat" }).click();
  await ana.getByLabel("Message to everybody").fill("still there?");
  await ana.keyboard.press("Enter");
  await bob.getByRole("button", { name: "Chat 1 unread" }).waitFor();
  for (const tab of [ana, bob]) {
    await tab.locator("#tiles").getByText("connected, direct").waitFor();
    assert.equal(await tab.evaluate(() => changes), 0, "nobody has come or gone");
  }
});

test("a room that has no place left when one comes back", async (t) => {
  const key = withKey(t);
  const { ana, bob, restart } = await inCall(t, ...key);
  await restart(...key, "--max-users", "1");
  const full = await Promise.any(
    [ana, bob].map(async (tab) => {
      await tab.getByText("The room is full.").waitFor();
      return tab;
    }),
  );
  await full.getByLabel("Your name").waitFor();
  const other = full === ana ? bob : ana;
  await other.locator("#notice").waitFor({ state: "hidden" });
  await other.locator("#meeting").waitFor();
});
