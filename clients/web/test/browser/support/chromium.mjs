import { readFileSync } from "node:fs";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { built } from "./server.mjs";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Cameras and microphones that show and say something, and permission to use them.
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  // Calls within this machine.
  "--allow-loopback-in-peer-connection",
];

/** Starts a browser, until the test `t` ends. */
export async function launch(t, ...more) {
  const executablePath = process.env.BECKON_CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: [...flags, ...more] });
  t.after(() => browser.close());
  return browser;
}

/**
 * Opens a tab. `before` is run in it before the page is: a function, or one with its argument. With `client`, what support/in-page.ts makes is there as `window.beckon`.
 *
 * An error that nobody handled in the tab, and anything that its policies forbade, fails the test.
 */
export async function openTab(t, browser, url, { client = false, context = {}, before } = {}) {
  const own = await browser.newContext(context);
  t.after(() => own.close());
  const tab = await own.newPage();
  const errors = [];
  tab.on("pageerror", (error) => errors.push(error));
  tab.on("console", (message) => {
    if (/Content Security Policy|Permissions Policy/i.test(message.text())) errors.push(new Error(message.text()));
  });
  t.after(() => {
    if (errors.length > 0) throw new AggregateError(errors, `unhandled in ${url}: ${errors.join("; ")}`);
  });
  if (before) await tab.addInitScript(...[before].flat());
  if (client) await tab.addInitScript({ path: join(built, "in-page.js") });
  await tab.goto(url);
  return tab;
}
