import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { build } from "esbuild";

import { launch, openTab } from "./support/chromium.mjs";
import { people, portrait } from "./support/portrait.mjs";
import { serve } from "./support/server.mjs";

/** Where the pictures of the page go; nowhere unless asked for. */
const pictures = process.env.BECKON_PICTURES;
if (pictures) mkdirSync(pictures, { recursive: true });

const desktop = { width: 1120, height: 680 };
const phone = { width: 390, height: 780 };

/** A server and a browser, and a function that opens the page in it. */
async function page(t, ...flags) {
  const { web } = await serve(t);
  const browser = await launch(t, ...flags);
  return (path = "/", context = {}, more = {}) => {
    return openTab(t, browser, web + path, { context: { viewport: desktop, ...context }, ...more });
  };
}

async function enter(tab, name, room) {
  await tab.getByLabel("Your name").fill(name);
  if (room) await tab.getByLabel("Room", { exact: true }).fill(room);
  await tab.getByRole("button", { name: "Join" }).click();
  await tab.locator("#meeting").waitFor();
}

/** Waits until the tiles show pictures that move, of exactly these. */
async function sees(tab, ...names) {
  await tab.waitForFunction((names) => {
    const tiles = [...document.querySelectorAll(".tile")].filter(
      (tile) => tile.querySelector(".veil").textContent === "",
    );
    const seen = tiles.filter((tile) => tile.querySelector("video").videoWidth > 0);
    return (
      seen
        .map((tile) => tile.querySelector(".caption span").textContent)
        .sort()
        .join() === names.sort().join()
    );
  }, names);
  const times = () => tab.evaluate(() => Array.from(document.querySelectorAll("video"), (video) => video.currentTime));
  const before = await times();
  await tab.waitForFunction(
    (before) => [...document.querySelectorAll("video")].every((video, i) => video.currentTime > before[i]),
    before,
  );
}

async function picture(tab, name) {
  if (pictures) await tab.screenshot({ path: join(pictures, `${name}.png`) });
}

test("two meet by a link, talk, reload and leave", async (t) => {
  const open = await page(t);
  const ana = await open();
  await picture(ana, "entrance");
  await enter(ana, "Ana Silva", "tea & biscuits");
  await ana.getByText("Nobody else is here yet").waitFor();
  const link = new URL(ana.url());
  assert.equal(link.hash, "#tea%20%26%20biscuits");
  await ana.evaluate(() => {
    const status = document.querySelector("[role=status]");
    window.announced = "";
    new MutationObserver(() => (announced += status.textContent + " ")).observe(status, { childList: true });
  });

  const bob = await open("/" + link.hash);
  assert.equal(await bob.getByLabel("Room", { exact: true }).inputValue(), "tea & biscuits");
  const clicked = performance.now();
  await enter(bob, "Bob");
  await Promise.all([sees(ana, "Ana Silva (you)", "Bob"), sees(bob, "Bob (you)", "Ana Silva")]);
  t.diagnostic(`both saw the other's picture move ${Math.round(performance.now() - clicked)} ms after the click`);
  await ana.getByText("2 people").waitFor();
  await ana.waitForFunction(() => announced.trim() === "Bob is here. Bob is connected.");

  // Chat: text is text.
  const words = `<img src=x onerror="document.title = 'owned'"> & "é" 👋`;
  await bob.getByRole("button", { name: "Chat" }).click();
  await bob
    .locator("#people")
    .getByText(/connected, direct, \d+ ms/)
    .waitFor();
  await bob.getByLabel("Message to everybody").fill(words);
  await bob.keyboard.press("Enter");
  await ana.getByRole("button", { name: "Chat 1 unread" }).click();
  assert.deepEqual(await ana.locator("#messages p").allInnerTexts(), [`Bob\n${words}`]);
  assert.notEqual(await ana.title(), "owned");
  await ana.getByLabel("Message to everybody").fill("Hello Bob, can you see me?");
  await ana.getByRole("button", { name: "Send" }).click();
  await bob.getByText("Hello Bob, can you see me?").waitFor();
  await picture(bob, "chat");
  await ana.getByRole("button", { name: "Chat" }).click();
  await picture(ana, "two");

  await bob.reload();
  await ana.getByText("Nobody else is here yet").waitFor();
  assert.equal(await bob.getByLabel("Your name").inputValue(), "Bob");
  await bob.keyboard.press("Enter"); // The button has the focus.
  await sees(ana, "Ana Silva (you)", "Bob");
  await sees(bob, "Bob (you)", "Ana Silva");

  await bob.getByRole("button", { name: "Leave" }).click();
  await bob.getByLabel("Your name").waitFor();
  await ana.getByText("Nobody else is here yet").waitFor();
  await sees(ana, "Ana Silva (you)");
  await ana.waitForFunction(() => announced.trim().endsWith("Bob has left."));
});

test("leaving ends the calls at once", async (t) => {
  const open = await page(t);
  const before = () => {
    window.connections = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(...options) {
        super(...options);
        connections.push(this);
      }
    };
  };
  const ana = await open("/#lobby", {}, { before });
  const bob = await open("/#lobby");
  await enter(ana, "Ana");
  await enter(bob, "Bob");
  await sees(ana, "Ana (you)", "Bob");
  const states = await ana.evaluate(() => {
    document.getElementById("leave").click();
    return connections.map((connection) => connection.signalingState);
  });
  assert.deepEqual(states, ["closed"]);
  await bob.getByText("Nobody else is here yet").waitFor();
  assert.equal(await ana.locator(".tile").count(), 0);
});

test("a camera or screen that comes after leaving is given back", async (t) => {
  const open = await page(t);
  const ana = await open("/#lobby");
  await enter(ana, "Ana");
  await ana.getByRole("button", { name: "Camera" }).click();
  for (const [button, method] of [
    ["Camera", "getUserMedia"],
    ["Share screen", "getDisplayMedia"],
  ]) {
    await ana.evaluate((method) => {
      delete navigator.mediaDevices[method];
      window.give = undefined;
      navigator.mediaDevices[method] = async (wish) => {
        delete navigator.mediaDevices[method];
        window.late = await navigator.mediaDevices[method](wish);
        await new Promise((resolve) => (window.give = resolve));
        return late;
      };
    }, method);
    await ana.getByRole("button", { name: button }).click();
    await ana.waitForFunction(() => window.give);
    await ana.getByRole("button", { name: "Leave" }).click();
    await enter(ana, "Ana"); // The button is there again.
    assert.equal(await ana.getByRole("button", { name: button }).isEnabled(), true);
    await ana.evaluate(() => give());
    await ana.waitForFunction(() => late.getTracks().every(({ readyState }) => readyState === "ended"));
    await sees(ana, "Ana (you)");
    await ana.getByRole("button", { name: "Camera", pressed: true }).click();
  }
});

test("a browser that keeps nothing", async (t) => {
  const open = await page(t);
  const before = () => {
    Object.defineProperty(window, "localStorage", {
      get() {
        throw new DOMException("Access is denied for this document.", "SecurityError");
      },
    });
  };
  const ana = await open("/#lobby", {}, { before });
  await enter(ana, "Ana");
  await sees(ana, "Ana (you)");
  await ana.getByRole("button", { name: "Leave" }).click();
  await enter(ana, "Ana");
});

test("tiles fill the window", async () => {
  const source = join(import.meta.dirname, "../../../../server/web/page/grid.ts");
  const { outputFiles } = await build({ entryPoints: [source], format: "esm", write: false });
  const { tileSize } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
  const gap = 8;
  for (const [width, height, expected] of [
    [1104, 540, ["1x1", "2x1", "2x2", "2x2", "3x2", "3x2", "4x2", "4x2", "3x3"]],
    [374, 600, ["1x1", "1x2", "1x3", "1x4", "2x3", "2x3", "2x4", "2x4", "2x5"]],
  ]) {
    const grids = expected.map((_, i) => {
      const tile = tileSize(i + 1, width, height);
      const columns = Math.min(i + 1, Math.floor((width + gap) / (tile.width + gap)));
      const rows = Math.ceil((i + 1) / columns);
      assert.ok(rows * (tile.height + gap) - gap <= height, `${i + 1} do not fit into ${width}x${height}`);
      return `${columns}x${rows}`;
    });
    assert.deepEqual(grids, expected);
  }
});

test("three in a mesh, on a phone and in the dark, too", async (t) => {
  const open = await page(t);
  const as = (name) => ({ before: [portrait, people[name]] });
  const ana = await open("/#lobby", {}, as("ana"));
  const bob = await open("/#lobby", { viewport: phone, hasTouch: true, isMobile: true }, as("bob"));
  const cleo = await open("/#lobby", { colorScheme: "dark" }, as("cleo"));
  await enter(ana, "Ana");
  await enter(bob, "Bob");
  await enter(cleo, "Cleo");
  await sees(ana, "Ana (you)", "Bob", "Cleo");
  await sees(bob, "Bob (you)", "Ana", "Cleo");
  await sees(cleo, "Cleo (you)", "Ana", "Bob");

  await bob.getByRole("button", { name: "Microphone" }).click();
  await ana.locator(".tile.muted").waitFor();
  await cleo.getByRole("button", { name: "Chat" }).click();
  await cleo
    .getByText(/connected, direct, \d+ ms/)
    .first()
    .waitFor();
  await cleo.getByLabel("Message to everybody").fill("Hello, both of you!");
  await cleo.keyboard.press("Enter");
  await bob.getByRole("button", { name: "Chat 1 unread" }).waitFor();
  await ana.getByRole("button", { name: "Chat 1 unread" }).waitFor();
  await picture(ana, "three");
  await ana.getByRole("button", { name: "Chat" }).click();
  await ana.getByLabel("Message to everybody").fill("Good to see you two.");
  await ana.keyboard.press("Enter");
  await picture(ana, "three-chat");
  await picture(bob, "phone");
  await picture(cleo, "dark");
  await bob.getByRole("button", { name: "Chat" }).click();
  await bob.locator("#messages").getByText("Hello, both of you!").waitFor();
  await picture(bob, "phone-chat");
});

test("camera off shows initials, on shows the camera", async (t) => {
  const open = await page(t);
  const ana = await open("/#lobby");
  const bob = await open("/#lobby");
  await enter(ana, "Ana Silva");
  await enter(bob, "Bob");
  await sees(bob, "Bob (you)", "Ana Silva");
  const camera = ana.getByRole("button", { name: "Camera" });
  await camera.click();
  await ana.getByRole("button", { name: "Camera", pressed: false }).waitFor();
  // The fake camera's picture is mostly green; that of the initials has one dark colour in its corner.
  const corner = () =>
    bob.evaluate(() => {
      const tile = [...document.querySelectorAll(".tile")].find((tile) => tile.innerText.includes("Ana"));
      const canvas = new OffscreenCanvas(10, 10).getContext("2d");
      canvas.drawImage(tile.querySelector("video"), 0, 0, 10, 10);
      return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((value) => Math.round(value / 32)).join();
    });
  const off = await change(corner);
  await picture(bob, "initials");
  await camera.click();
  assert.notEqual(await change(corner, off), off);
  await sees(bob, "Bob (you)", "Ana Silva");
});

/** Waits until a value is another than at first, and stays. */
async function change(value, first) {
  first ??= await value();
  for (let same = 0, last = first, tries = 0; tries < 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const now = await value();
    same = now === last ? same + 1 : 0;
    last = now;
    if (now !== first && same > 5) return now;
  }
  throw new Error(`it is still ${first}`);
}

test("no camera and no microphone", async (t) => {
  const open = await page(t);
  const before = () => {
    navigator.mediaDevices.getUserMedia = async () => {
      throw new DOMException("Requested device not found", "NotFoundError");
    };
  };
  const ana = await open("/#lobby", {}, { before });
  const bob = await open("/#lobby");
  await enter(ana, "Ana Silva");
  await ana.getByText("No camera or microphone was found").waitFor();
  await enter(bob, "Bob");
  await sees(ana, "Ana Silva (you)", "Bob");
  await sees(bob, "Bob (you)", "Ana Silva");
  await picture(ana, "no-camera");
});

test("permission denied", async (t) => {
  const open = await page(t);
  const before = () => {
    navigator.mediaDevices.getUserMedia = async () => {
      throw new DOMException("Permission denied", "NotAllowedError");
    };
  };
  const ana = await open("/#lobby", {}, { before });
  await enter(ana, "Ana");
  await ana.getByText("This page may not use the camera or microphone. Allow it").waitFor();
  assert.equal(await ana.getByRole("button", { name: "Microphone" }).getAttribute("aria-pressed"), "false");
});

test("a page that came without encryption", async (t) => {
  const { web } = await serve(t, "--web-origin", "http://beckon.test");
  const browser = await launch(t, "--host-resolver-rules=MAP beckon.test 127.0.0.1");
  const url = `http://beckon.test:${new URL(web).port}/#lobby`; // Unlike localhost, no secure context.
  const ana = await openTab(t, browser, url);
  await enter(ana, "Ana");
  await ana.getByText("Open it by https:// or on localhost.").waitFor();
  await sees(ana, "Ana (you)");
  await ana.evaluate(() => (location.hash = "#elsewhere")); // The link is to the room all the same.
  await ana.getByRole("button", { name: "Copy link" }).click();
  await ana.getByText(`The link to this room is ${url}`).waitFor();
});

test("the screen is shown to others, whole", async (t) => {
  const open = await page(t);
  const ana = await open("/#lobby");
  const bob = await open("/#lobby");
  await enter(ana, "Ana");
  await enter(bob, "Bob");
  await sees(bob, "Bob (you)", "Ana");
  await ana.getByRole("button", { name: "Share screen" }).click();
  await bob.locator(".tile.whole", { hasText: "Ana" }).waitFor();
  await bob.waitForFunction(() => document.querySelector(".tile.whole video").videoWidth > 640);
  await ana.getByRole("button", { name: "Stop sharing" }).click();
  await bob.locator(".tile.whole").waitFor({ state: "detached" });
  await sees(bob, "Bob (you)", "Ana");
});

test("what can be checked of accessibility is in order, light and dark", async (t) => {
  const open = await page(t);
  const before = { path: createRequire(import.meta.url).resolve("axe-core/axe.min.js") };
  for (const colorScheme of ["light", "dark"]) {
    const tab = await open("/#lobby", { colorScheme }, { before });
    const check = async () => {
      const { violations } = await tab.evaluate(() => axe.run());
      assert.deepEqual(
        violations.map(({ help, nodes }) => [help, ...nodes.map(({ html }) => html)]),
        [],
      );
    };
    await check();
    await enter(tab, "Ana");
    await check();
    await tab.getByRole("button", { name: "Microphone" }).click();
    await tab.getByRole("button", { name: "Copy link" }).click();
    await tab.getByRole("button", { name: "Chat" }).click();
    await tab.getByLabel("Message to everybody").fill("Hello");
    await tab.keyboard.press("Enter");
    await check();
  }
});

test("by keyboard alone", async (t) => {
  const open = await page(t);
  const ana = await open();
  await ana.keyboard.type("Ana");
  await ana.keyboard.press("Tab");
  await ana.keyboard.type("lobby");
  await ana.keyboard.press("Enter");
  await ana.locator("#meeting").waitFor();
  const visited = [];
  for (let i = 0; i < 7; i++) {
    await ana.keyboard.press("Tab");
    visited.push(await ana.evaluate(() => document.activeElement.innerText.trim()));
  }
  assert.deepEqual(visited.slice(0, 6), ["Copy link", "Microphone", "Camera", "Share screen", "Chat", "Leave"]);
  await ana.keyboard.press("Shift+Tab");
  await ana.keyboard.press("Shift+Tab");
  await ana.keyboard.press("Enter");
  await ana.keyboard.type("only me");
  await ana.keyboard.press("Enter");
  await ana.getByText("only me").waitFor();
});
