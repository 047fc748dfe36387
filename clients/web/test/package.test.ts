import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const root = new URL("../..", import.meta.url).pathname;

test("plain Node.js can import it by its name", () => {
  const program = `
    import { Session, Failure, Presence } from "@beckon/client";
    console.log(typeof Session.connect, Failure.name, Presence.DELTA);`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", program], { cwd: root });
  assert.equal(printed.toString().trim(), "function Failure 2");
});

test("the example in README.md compiles, in the strictest way", () => {
  const [, example] = /```ts\n(.*?)```/s.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
  const file = join(root, "build/example.ts");
  writeFileSync(file, example as string);
  const flags = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--module", "nodenext", "--target", "es2022"];
  // Checked as a whole: the types of the package, too.
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--ignoreConfig", ...flags, file], { cwd: root });
});

test("Vite can build a page with it", async (t) => {
  const { build } = await import("vite");
  const page = mkdtempSync(join(tmpdir(), "beckon-page-"));
  t.after(() => rmSync(page, { recursive: true }));
  writeFileSync(join(page, "index.html"), `<script type="module" src="/main.js"></script>`);
  writeFileSync(
    join(page, "main.js"),
    `import { Session } from "@beckon/client"; globalThis.connect = Session.connect;`,
  );
  await build({
    root: page,
    configFile: false,
    logLevel: "error",
    resolve: { alias: { "@beckon/client": join(root, "dist/index.js") } },
  });
  const assets = join(page, "dist/assets");
  const [script] = readdirSync(assets).filter((file) => file.endsWith(".js"));
  const text = readFileSync(join(assets, script as string), "utf8");
  assert.match(text, /beckon\.v1|grpc-websockets/);
});

test("what is not used is left out", async () => {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    stdin: { contents: `import { Presence } from "@beckon/client"; console.log(Presence.DELTA)`, resolveDir: root },
    alias: { "@beckon/client": join(root, "dist/index.js") },
    bundle: true,
    format: "esm",
    minify: true,
    write: false,
  });
  const size = outputFiles[0]?.contents.length ?? 0;
  assert.ok(size < 2000, `${size} bytes for the enums`);
});

test("the lockfile names no registry", () => {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { resolved?: string }>;
  };
  for (const [name, { resolved }] of Object.entries(packages)) assert.equal(resolved, undefined, name);
});
