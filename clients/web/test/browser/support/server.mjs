import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** What run.mjs has built. */
export const built = process.env.BECKON_BUILT;
if (!built) throw new Error("run the tests by: npm run test:browser");

/**
 * Starts a server on free ports, until the test `t` ends.
 *
 * @returns where it listens, `web` as a URL and `grpc` as host:port, and `stop`, which ends it in order.
 */
export async function serve(t, ...flags) {
  const address = "127.0.0.1:0";
  const args = ["serve", "--grpc", address, "--web", address, "--admin", "off", "--log-format", "json", ...flags];
  const child = spawn(join(built, "beckon"), args, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  const stop = async (signal) => {
    child.kill(signal);
    await ended;
  };
  t.after(() => stop("SIGKILL"));
  const ports = {};
  const log = [];
  for await (const line of createInterface(child.stderr)) {
    log.push(line);
    const entry = JSON.parse(line);
    if (entry.msg === "listening") ports[entry.port] = entry.addr;
    if (entry.msg === "ready") {
      child.stderr.resume();
      return { web: `http://${ports.web}`, grpc: ports.grpc, stop: () => stop("SIGTERM") };
    }
  }
  throw new Error(`the server did not start:\n${log.join("\n")}`);
}
