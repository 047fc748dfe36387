import assert from "node:assert/strict";
import { test } from "node:test";

import { encodeFrame, encodeHeaders, encodeMessage, finish, type Frame, FrameReader } from "../src/transport/frame.js";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test("what the client sends", () => {
  assert.deepEqual(encodeMessage(bytes(7, 8)), bytes(0, 0, 0, 0, 0, 2, 7, 8));
  assert.deepEqual(encodeMessage(bytes()), bytes(0, 0, 0, 0, 0, 0));
  assert.deepEqual(encodeMessage(new Uint8Array(0x10203)).subarray(0, 6), bytes(0, 0, 0, 1, 2, 3));
  assert.deepEqual(finish, bytes(1));
  const headers = new Headers({ "X-Grpc-Web": "1", authorization: "Bearer é" });
  assert.equal(new TextDecoder().decode(encodeHeaders(headers)), "authorization: Bearer é\r\nx-grpc-web: 1\r\n");
});

test("what the server sends", () => {
  for (const [what, sent, frames] of [
    ["a message", encodeFrame(bytes(7, 8)), [{ kind: "message", data: bytes(7, 8) }]],
    ["an empty message", encodeFrame(bytes()), [{ kind: "message", data: bytes() }]],
    ["headers", bytes(0x80, 0, 0, 0, 1, 65), [{ kind: "headers", data: bytes(65) }]],
    ["a part", bytes(0, 0, 0, 0, 2, 7), []],
  ] as const) {
    assert.deepEqual(new FrameReader().push(sent), frames, what);
  }
});

test("what is no grpc-web", () => {
  for (const [what, sent] of [
    ["compressed", bytes(1, 0, 0, 0, 0)],
    ["compressed headers", bytes(0x81, 0, 0, 0, 0)],
    ["unknown flags", bytes(2, 0, 0, 0, 0)],
    ["text", new TextEncoder().encode("<html>")],
    ["far too large", bytes(0, 0xff, 0xff, 0xff, 0xff)],
  ] as const) {
    assert.throws(() => new FrameReader().push(sent), { name: "ConnectError" }, what);
  }
});

test("frames come in any pieces", () => {
  const random = lcg(1);
  for (let round = 0; round < 300; round++) {
    const frames: Frame[] = Array.from({ length: random(8) }, () => ({
      kind: random(4) === 0 ? "headers" : "message",
      data: Uint8Array.from({ length: random(5) === 0 ? 1000 + random(5000) : random(20) }, () => random(256)),
    }));
    const sent = frames.map(({ kind, data }) => {
      const frame = encodeFrame(data);
      if (kind === "headers") frame[0] = 0x80;
      return frame;
    });
    const all = Uint8Array.from(Buffer.concat(sent));
    const reader = new FrameReader();
    const got: Frame[] = [];
    for (let at = 0; at < all.length;) {
      const end = at + random(random(3) === 0 ? 3000 : 7);
      got.push(...reader.push(all.slice(at, end)));
      at = end;
    }
    assert.deepEqual(got, frames, `round ${round}`);
  }
});

/** Numbers from 0 to less than `bound` that look random and are the same in every run. */
function lcg(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}
