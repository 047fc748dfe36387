// Writes src/gen/ from the repository's proto/; with --check, tells whether it is what proto/ generates now.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";

import { repository, root, run } from "./run.mjs";

const generate = ["tool", "-modfile=tools/buf/go.mod", "buf", "generate", "--template", "clients/web/buf.gen.yaml"];

if (process.argv[2] !== "--check") {
  run("go", generate, repository);
} else {
  const fresh = mkdtempSync(join(tmpdir(), "beckon-"));
  process.on("exit", () => rmSync(fresh, { recursive: true }));
  run("go", [...generate, "--output", fresh], repository);
  const { status } = spawnSync("diff", ["-r", join(root, "src/gen"), join(fresh, "clients/web/src/gen")], {
    stdio: "inherit",
  });
  if (status !== 0) {
    console.error("src/gen is not what proto/ generates. To fix it: npm run generate");
    process.exitCode = 1;
  }
}
