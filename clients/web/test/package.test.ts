import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

test("what npm packs is complete: Node.js imports it, and Vite builds a page with it", async (t) => {
  const page = mkdtempSync(join(tmpdir(), "beckon-page-"));
  t.after(() => rmSync(page, { recursive: true }));
  // In a copy without dist/, as in a fresh checkout; others use the one here at the same time.
  const checkout = join(page, "checkout");
  for (const name of ["package.json", ".npmrc", "README.md", "tsconfig.json", "scripts", "src"])
    cpSync(join(root, name), join(checkout, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
  execFileSync("npm", ["run", "--silent", "pack", "--", "--silent", "--pack-destination", page], { cwd: checkout });

  // Installed as npm does it, but with the dependencies from here.
  const installed = join(page, "node_modules/@beckon/client");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(page, "beckon-client-0.0.0.tgz"), "-C", installed, "--strip-components=1"]);
  for (const scope of ["@bufbuild", "@connectrpc"])
    symlinkSync(join(root, "node_modules", scope), join(page, "node_modules", scope));

  const program = `import { Session } from "@beckon/client"; console.log(typeof Session.connect);`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", program], { cwd: page });
  assert.equal(printed.toString().trim(), "function");

  const { build } = await import("vite");
  const script = async (main: string): Promise<string> => {
    writeFileSync(join(page, "index.html"), `<script type="module" src="/main.js"></script>`);
    writeFileSync(join(page, "main.js"), main);
    await build({ root: page, configFile: false, logLevel: "error" });
    const assets = join(page, "dist/assets");
    const [file] = readdirSync(assets).filter((name) => name.endsWith(".js"));
    return readFileSync(join(assets, file as string), "utf8");
  };
  const all = await script(`import { Session } from "@beckon/client"; globalThis.connect = Session.connect;`);
  assert.match(all, /grpc-websockets/);
  const enums = await script(`import { Presence } from "@beckon/client"; globalThis.delta = Presence.DELTA;`);
  assert.ok(enums.length < 3000, `what is not used is left out: ${enums.length} bytes for the enums`);
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
    packages: Record<string, { resolved?: string; link?: true }>;
  };
  for (const [name, { resolved, link }] of Object.entries(packages))
    assert.equal(resolved, link ? "docs" : undefined, name);
});
