import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { built } from "./server.mjs";

/**
 * Starts the native peer, gopeer/main.go, until the test ends.
 *
 * @returns when it is in the room, the code that it sees of its call once that is connected, and how it ends.
 */
export function gopeer(t, grpc) {
  const child = spawn(join(built, "gopeer"), ["-server", grpc], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await ended;
  });
  const lines = createInterface(child.stdout);
  /** Resolves with what follows `word` on the line that begins with it. */
  const said = (word) =>
    new Promise((resolve) =>
      lines.on("line", (line) => {
        if (line.startsWith(word)) resolve(line.slice(word.length).trim());
      }),
    );
  return { ended, joined: said("joined"), code: said("code") };
}
