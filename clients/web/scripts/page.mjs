// Makes the page that the server shows, server/web/dist, of its source, server/web/page, and of this client.
//
//   npm run page            writes it anew
//   npm run check-page      tells whether what is there is what the sources make
import { readdir, readFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { build } from "esbuild";

const client = join(import.meta.dirname, "..");
const page = join(client, "../../server/web/page");
const dist = join(client, "../../server/web/dist");

const made = await make();
if (process.argv.includes("--check")) {
  const stale = await difference(made);
  if (stale.length > 0) {
    console.error(`server/web/dist is not what the sources make: ${stale.join(", ")}. To fix it: npm run page`);
    process.exitCode = 1;
  }
} else {
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  for (const [name, content] of made) await writeFile(join(dist, name), content);
}

/** The files of the page by name. The same sources make the same bytes, wherever they lie. */
async function make() {
  const { outputFiles } = await build({
    entryPoints: [join(page, "main.ts")],
    absWorkingDir: client,
    alias: { "@beckon/client": join(client, "src/index.ts") },
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
    outfile: "page.js",
    write: false,
  });
  const made = new Map([["page.js", Buffer.from(outputFiles[0].contents)]]);
  for (const name of ["index.html", "style.css", "icon.svg"]) made.set(name, await readFile(join(page, name)));
  return made;
}

/** The names of the files in dist that are missing, superfluous or another. */
async function difference(made) {
  const present = await readdir(dist).catch(() => []);
  const names = new Set([...made.keys(), ...present]);
  const differs = await Promise.all(
    Array.from(names, async (name) => {
      const content = await readFile(join(dist, name)).catch(() => undefined);
      return !content || !made.has(name) || !content.equals(made.get(name));
    }),
  );
  return [...names].filter((_, i) => differs[i]);
}
