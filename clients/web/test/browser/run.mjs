// Runs the browser tests: real servers, real tabs of Chromium, and a network that has nothing but loopback.
//
//   npm run test:browser [-- call room …]
//
// With BECKON_PICTURES=folder the page is photographed. BECKON_CHROMIUM is the browser, by default /usr/bin/chromium.
//
// The server is built before the network is taken away. Where a network namespace cannot be made the tests run without
// one; they send to loopback only all the same. Those that cut the network fail then, or with BECKON_NO_NAMESPACE=1 are
// left out.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build } from "esbuild";

import { howToAllow } from "./support/network.mjs";

const here = import.meta.dirname;
const repository = join(here, "../../../..");
const files = readdirSync(here).filter((file) => file.endsWith(".test.mjs"));
const wanted = process.argv.slice(2);
const chosen = files.filter((file) => wanted.length === 0 || wanted.includes(file.replace(".test.mjs", "")));

const built = mkdtempSync(join(tmpdir(), "beckon-browser-"));
try {
  execFileSync("go", ["build", "-o", built, "./cmd/beckon", "./clients/web/test/browser/gopeer"], {
    cwd: repository,
    stdio: "inherit",
  });
  const bundle = { bundle: true, logLevel: "warning" };
  await build({ ...bundle, entryPoints: [join(here, "support/in-page.ts")], outfile: join(built, "in-page.js") });
  await build({
    ...bundle,
    entryPoints: [join(here, "support/messages.ts"), join(here, "../proxy.ts")],
    outdir: built,
    entryNames: "[name]",
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
  });
  const tests = chosen.map((file) => join(here, file));
  process.exitCode = await runAlone(["node", "--test", "--test-concurrency=1", "--test-timeout=120000", ...tests]);
} finally {
  rmSync(built, { recursive: true });
}

/** Runs the command in a network namespace of its own, if one can be made. @returns its exit code. */
function runAlone(command) {
  for (const unshare of [
    ["unshare", "-n"],
    ["unshare", "-rn"],
  ]) {
    const inside = [...unshare, "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];
    try {
      execFileSync(inside[0], [...inside.slice(1), "true"], { stdio: "ignore" });
      return run([...inside, ...command], { BECKON_OWN_NETWORK: "1" });
    } catch {
      // Not allowed here.
    }
  }
  console.error(`no network namespace can be made here: the tests run in this one. ${howToAllow}`);
  return run(command, {});
}

function run([program, ...args], variables) {
  const env = { ...process.env, BECKON_BUILT: built, ...variables };
  const child = spawn(program, args, { stdio: "inherit", env });
  return new Promise((resolve) => child.on("close", (code) => resolve(code ?? 1)));
}
