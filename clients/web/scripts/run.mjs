// What the scripts here have in common: where things are, and how programs are run.
import { spawnSync } from "node:child_process";

/** This package, and the repository that it is part of. */
export const root = new URL("..", import.meta.url).pathname;
export const repository = new URL("../../..", import.meta.url).pathname;

/** Runs a program; if it fails, this one does, too. */
export function run(program, args, cwd = root) {
  const { status, error } = spawnSync(program, args, { cwd, stdio: "inherit" });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs the compiler of this package. */
export function tsc(...args) {
  run(process.execPath, ["node_modules/typescript/bin/tsc", ...args]);
}
