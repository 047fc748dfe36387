// Runs the tests against the server of this repository. Arguments choose among them: npm test -- session
import { readdirSync, rmSync } from "node:fs";

import { repository, root, run, tsc } from "./run.mjs";

rmSync(`${root}/build`, { recursive: true, force: true });
tsc("-p", "tsconfig.test.json");
run("go", ["build", "-o", `${root}/build/beckon`, "./cmd/beckon"], repository);
await import("./build.mjs");

const chosen = process.argv.slice(2);
if (chosen.length === 0) run("npm", ["run", "--silent", "check-docs"]);
const tests = readdirSync(`${root}/build/test`)
  .filter((file) => file.endsWith(".test.js"))
  .filter((file) => chosen.length === 0 || chosen.some((word) => file.includes(word)))
  .map((file) => `build/test/${file}`);
run(process.execPath, ["--test", "--test-concurrency=2", "--test-reporter=spec", ...tests]);
