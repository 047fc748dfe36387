// What the tests use within a tab, as `window.beckon`.
import { Call, Room, Session, onCall, verificationCode } from "../../../src/index.js";
import { Script } from "../../script.js";

/** Resolves when `test` gives something, which it is asked often; rejects after `seconds`. */
async function until<T>(what: string, test: () => T | Promise<T>, seconds = 20): Promise<NonNullable<T>> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${seconds} s for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** How many pictures the connection has received and decoded. */
async function framesDecoded(pc: RTCPeerConnection): Promise<number> {
  let frames = 0;
  for (const stats of (await pc.getStats()).values()) {
    if (stats.type === "inbound-rtp" && stats.kind === "video") frames += stats.framesDecoded;
  }
  return frames;
}

/** Resolves when more and more pictures arrive. */
async function watching(pc: RTCPeerConnection): Promise<void> {
  const before = await framesDecoded(pc);
  await until("pictures", async () => (await framesDecoded(pc)) >= before + 10);
}

Object.assign(window, {
  beckon: { Call, Room, Script, Session, onCall, until, verificationCode, framesDecoded, watching },
});
