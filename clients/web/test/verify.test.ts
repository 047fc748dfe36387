import assert from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { verificationCode } from "../src/index.js";

/** What this client and the one in Go both make of the same descriptions. */
const shared = JSON.parse(readFileSync(new URL("../../../testdata/verification.json", import.meta.url), "utf8")) as {
  name: string;
  local: string;
  remote: string;
  code?: string;
  error?: string;
}[];

for (const { name, local, remote, code, error } of shared) {
  test(`shared: ${name}`, async () => {
    for (const [one, other] of [
      [local, remote],
      [remote, local],
    ] as const) {
      const making = verificationCode(one, other);
      if (code !== undefined) assert.equal(await making, code);
      else await assert.rejects(making, ({ message }: Error) => message.includes(error!));
    }
  });
}

test("there are shared cases of both kinds", () => {
  assert.ok(shared.filter(({ code }) => code).length >= 5);
  assert.ok(shared.filter(({ error }) => error).length >= 5);
});

const print = (byte: string): string => Array.from({ length: 32 }, () => byte).join(":");
const low = print("0a");
const high = print("f0");
const sdp = (...prints: string[]): string =>
  ["v=0", "s=-", "t=0 0", ...prints.map((print) => `a=fingerprint:sha-256 ${print}`), "m=audio 9 x 0", ""].join("\r\n");

test("the code is what its definition says", async () => {
  // All of it anew, with other means.
  const password = Buffer.concat([Buffer.alloc(32, 0x0a), Buffer.alloc(32, 0xf0)]);
  const bytes = pbkdf2Sync(password, "beckon call verification 1", 100_000, 30, "sha256");
  const groups = [0, 5, 10, 15, 20, 25].map((at) => `${bytes.readUIntBE(at, 5) % 100_000}`.padStart(5, "0"));
  assert.equal(await verificationCode(sdp(low), sdp(high)), groups.join(" "));
  assert.equal(await verificationCode(sdp(high), sdp(low)), groups.join(" "), "on the other side, too");
});

test("how a fingerprint is written does not matter", async () => {
  const code = await verificationCode(sdp(low), sdp(high));
  for (const local of [
    sdp(low.toUpperCase()),
    sdp(low, low.toUpperCase()),
    sdp(low).replaceAll("\r\n", "\n"),
    sdp(low).replace("sha-256", "SHA-256"),
    `${sdp()}a=fingerprint:sha-256 ${low}`, // Of a medium, at the very end.
  ])
    assert.equal(await verificationCode(local, sdp(high)), code, local);
});

for (const [what, local, message] of [
  ["no fingerprint", sdp(), /the local description has no fingerprint: expected one fingerprint, of sha-256/],
  ["two", sdp(low, print("0b")), /has 2 different fingerprints \(sha-256 0a.*, sha-256 0b/],
  ["another algorithm", sdp(low).replace("sha-256", "sha-1"), /has the fingerprint "sha-1 0a:.*expected .* sha-256/],
  ["another algorithm, too", `${sdp(low)}a=fingerprint:sha-1 ${low}`, /2 different fingerprints/],
  ["too short", sdp(low.slice(3)), /a fingerprint of 31 bytes/],
  ["too long", sdp(`${low}:00`), /a fingerprint of 33 bytes/],
  ["no bytes", sdp(low.replace("0a", "0x")), /which cannot be read/],
  ["no colons", sdp(low.replaceAll(":", "")), /which cannot be read/],
  ["nothing", sdp(""), /the fingerprint "sha-256 "/],
] as const) {
  test(`a description that has ${what}`, async () => {
    await assert.rejects(verificationCode(local, sdp(high)), message);
    const other = new RegExp(message.source.replace("local", "remote"));
    await assert.rejects(verificationCode(sdp(high), local), other);
  });
}

test("where there is no crypto.subtle", async (t) => {
  const { crypto } = globalThis;
  Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true });
  t.after(() => Object.defineProperty(globalThis, "crypto", { value: crypto, configurable: true }));
  await assert.rejects(verificationCode(sdp(low), sdp(high)), /there is no crypto.subtle/);
});
