import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A server of its own, on free ports of this machine. */
export interface TestServer {
  /** Where browsers go. */
  readonly url: string;
  /** Ends it, and waits for that. Without a signal it has time to say goodbye. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** The server's program, which scripts/test.mjs builds. */
export const program = new URL("../beckon", import.meta.url).pathname;

/** Starts a server with more flags, if there are any. */
export async function startServer(...flags: string[]): Promise<TestServer> {
  const process = spawn(program, [
    ...["serve", "--grpc=127.0.0.1:0", "--web=127.0.0.1:0", "--admin=off", "--log-format=json"],
    ...flags,
  ]);
  const exited = new Promise<void>((resolve) => process.once("close", () => resolve()));
  process.on("error", () => {}); // It has no log then.
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    process.kill(signal);
    await exited;
  };
  try {
    return { url: `http://${await webAddress(process)}`, stop };
  } catch (error) {
    await stop("SIGKILL");
    throw error;
  }
}

/** Reads the log until the server is ready: where its web port is. */
async function webAddress(process: ChildProcess): Promise<string> {
  let address = "";
  const log: string[] = [];
  for await (const line of createInterface({ input: process.stderr! })) {
    log.push(line);
    const entry = JSON.parse(line) as { msg: string; port?: string; addr?: string };
    if (entry.msg === "listening" && entry.port === "web") address = entry.addr ?? "";
    if (entry.msg !== "ready") continue;
    process.stderr!.resume();
    if (address !== "") return address;
  }
  throw new Error(`the server has no web port:\n${log.join("\n")}`);
}
