// The page at a server that wants access tokens.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import { launch, openTab } from "./support/chromium.mjs";
import { serve } from "./support/server.mjs";
import { tokens } from "./support/token.mjs";

/** A server that wants tokens, a browser, and a function that opens the page in it. */
async function page(t, ...more) {
  const { flags, make } = tokens(t);
  const { web } = await serve(t, ...flags, ...more);
  const browser = await launch(t);
  const open = (path = "/#lobby", options = {}) => openTab(t, browser, web + path, options);
  return { open, make };
}

const field = (tab) => tab.getByLabel("Access token");

async function join(tab, name) {
  await tab.getByLabel("Your name").fill(name);
  await tab.getByRole("button", { name: "Join" }).click();
}

const connected = (tab) => tab.locator("#tiles").getByText("connected, direct").waitFor();

/** The addresses that the tab asks for from now on. */
function record(tab) {
  const urls = [];
  tab.on("request", (request) => urls.push(request.url()));
  tab.on("websocket", (socket) => urls.push(socket.url()));
  return urls;
}

test("a token is asked for, kept in the tab, and shown to nobody else", async (t) => {
  const { open, make } = await page(t);
  const token = make("ana", "--name", "Ana");
  const axe = { path: createRequire(import.meta.url).resolve("axe-core/axe.min.js") };
  const ana = await open("/#lobby", { before: axe });
  const urls = record(ana);
  assert.equal(await field(ana).isVisible(), false, "not asked before the server does");
  await join(ana, "Ana");
  await ana.getByText("This server asks for an access token.").waitFor();
  assert.equal(await field(ana).getAttribute("type"), "password");
  const { violations } = await ana.evaluate(() => window.axe.run());
  assert.deepEqual(
    violations.map(({ help }) => help),
    [],
  );
  assert.equal(await field(ana).evaluate((input) => input === document.activeElement), true);

  await field(ana).fill("nonsense");
  await join(ana, "Ana");
  await ana.getByText("The server does not take this access token").waitFor();
  assert.equal(await field(ana).inputValue(), "");

  await field(ana).fill(`  ${token}\n`);
  await join(ana, "Ana");
  await ana.locator("#meeting").waitFor();
  const bob = await open(`/#lobby&token=${make("bob")}`);
  await join(bob, "Bob");
  await Promise.all([connected(ana), connected(bob)]);

  await ana.reload();
  await join(ana, "Ana");
  await connected(ana);
  const kept = await ana.evaluate(() => [JSON.stringify(localStorage), document.cookie, location.href]);
  assert.ok(!kept.join().includes(token), "only the tab has it");
  const other = await ana.context().newPage();
  await other.goto(ana.url());
  assert.equal(await other.evaluate(() => sessionStorage.getItem("beckon.token")), null);
  assert.ok(urls.length > 5);
  for (const url of urls) assert.ok(!url.includes(token) && !url.includes("token="), url);
});

test("a link with a token", async (t) => {
  const { open, make } = await page(t);
  const token = make("ana");
  const before = () => {
    window.addresses = [];
    addEventListener("DOMContentLoaded", () => addresses.push(location.hash));
  };
  for (const [hash, room] of [
    [`#token=${token}`, ""],
    [`#tea%20%26%20biscuits&token=${token}`, "tea & biscuits"],
    [`#token=${token}&den`, "den"],
  ]) {
    const tab = await open(`/${hash}`, { before });
    const urls = record(tab);
    assert.equal(new URL(tab.url()).hash, room && `#${encodeURIComponent(room)}`);
    assert.deepEqual(await tab.evaluate(() => addresses), [new URL(tab.url()).hash], "gone before the page is there");
    assert.equal(await tab.getByLabel("Room", { exact: true }).inputValue(), room);
    await tab.getByLabel("Room", { exact: true }).fill("den");
    await join(tab, "Ana");
    await tab.locator("#meeting").waitFor();
    assert.equal(new URL(tab.url()).hash, "#den");
    await tab.goBack().catch(() => {});
    assert.ok(!tab.url().includes("token"), "nor is it in the history");
    assert.ok(!urls.join().includes(token));
  }
});

test("a browser that keeps nothing", async (t) => {
  const { open, make } = await page(t);
  const before = () => {
    for (const storage of ["localStorage", "sessionStorage"])
      Object.defineProperty(window, storage, {
        get() {
          throw new DOMException("Access is denied for this document.", "SecurityError");
        },
      });
  };
  const ana = await open(`/#lobby&token=${make("ana")}`, { before });
  await join(ana, "Ana");
  await ana.locator("#meeting").waitFor();
});

test("a token that runs out is asked for anew, and another that comes in time is used", async (t) => {
  const { open, make } = await page(t, "--heartbeat-interval", "1s", "--resume-window", "1s");
  const watch = await open(`/#lobby&token=${make("watch")}`);
  await join(watch, "Watch");
  const ana = await open(`/#lobby&token=${make("ana", "--ttl", "12s")}`);
  await join(ana, "Ana");
  await Promise.all([connected(ana), connected(watch)]);
  // She follows a link with another one.
  const another = make("ana", "--ttl", "18s");
  const expiry = 1000 * JSON.parse(Buffer.from(another.split(".")[1], "base64url").toString()).exp;
  await ana.evaluate((token) => (location.hash = `#token=${token}`), another);
  await ana.waitForFunction(() => location.hash === "#lobby");
  await ana.getByText("Your access token has run out.").waitFor();
  assert.ok(Date.now() >= expiry, "the other one was used");
  assert.equal(await field(ana).isVisible(), true);
  await watch.getByText("Nobody else is here yet").waitFor();
  await field(ana).fill(make("ana"));
  await join(ana, "Ana");
  await Promise.all([connected(ana), connected(watch)]);
});

test("a refusal that is final is told, and nothing is tried again", async (t) => {
  const { open, make } = await page(t, "--max-users", "1");
  const ana = await open(`/#lobby&token=${make("ana")}`);
  await join(ana, "Ana");
  await ana.locator("#meeting").waitFor();
  for (const [flags, told] of [
    [["--room", "lobby"], "The room is full."],
    [["--room", "den"], 'You are not allowed in this room: your access does not allow room "lobby": it allows den.'],
    [["--may", "join", "--name", "Robert"], 'does not let you choose a name: expected "Robert"'],
  ]) {
    const bob = await open(`/#lobby&token=${make("bob", ...flags)}`);
    await bob.clock.install();
    const urls = record(bob);
    await join(bob, "Bob");
    await bob.getByText(told).waitFor();
    assert.equal(await bob.locator("#entrance").isVisible(), true);
    await bob.clock.runFor(60_000);
    assert.equal(urls.filter((url) => url.startsWith("ws:")).length, 1);
  }
});

test("who may not call is told so, and does not call again and again", async (t) => {
  const { open, make } = await page(t);
  const before = () => {
    window.made = 0;
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(...options) {
        super(...options);
        made++;
      }
    };
  };
  const ana = await open(`/#lobby&token=${make("ana")}`);
  await join(ana, "Ana");
  await ana.locator("#meeting").waitFor();
  const bob = await open(`/#lobby&token=${make("bob", "--may", "join,data,update_name")}`, { before });
  await bob.clock.install();
  await join(bob, "Bob");
  await bob.locator("#tiles").getByText("you are not allowed to call Ana").waitFor();
  await bob.clock.runFor(60_000);
  assert.equal(await bob.evaluate(() => made), 1);
});
