import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { built } from "./server.mjs";

/** The flags of a server that wants access tokens, and `make`, which makes one with more flags of `beckon token`. */
export function tokens(t) {
  const folder = mkdtempSync(join(tmpdir(), "beckon-token-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const key = join(folder, "token.key");
  writeFileSync(key, randomBytes(32).toString("hex"), { mode: 0o600 });
  const make = (sub, ...flags) =>
    execFileSync(join(built, "beckon"), ["token", "--key", key, "--sub", sub, ...flags])
      .toString()
      .trim();
  return { flags: ["--token-key-file", key, "--token-skew", "1ms"], make };
}
