// Bundles everything that the package exports, as a page would, and fails if it is too large, or if README.md has another
// size by more than 1 KB.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const bound = 40 * 1024;

const root = new URL("..", import.meta.url).pathname;
const { outputFiles } = await build({
  stdin: { contents: `import * as beckon from "./src/index.ts"; globalThis.beckon = beckon;`, resolveDir: root },
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  platform: "browser",
  write: false,
});
const [{ contents }] = outputFiles;
const size = gzipSync(contents, { level: 9 }).length;
console.log(`${(size / 1024).toFixed(1)} KB minified and gzipped (${(contents.length / 1024).toFixed(1)} KB minified)`);
if (size > bound) {
  console.error(`That is over ${bound / 1024} KB.`);
  process.exitCode = 1;
}
const [, told] =
  /is (\d+(?:\.\d+)?) KB,\s+minified\s+and\s+gzipped/.exec(readFileSync(`${root}/README.md`, "utf8")) ?? [];
if (told === undefined || Math.abs(Number(told) - size / 1024) > 1) {
  console.error(`README.md says that it is ${told} KB.`);
  process.exitCode = 1;
}
