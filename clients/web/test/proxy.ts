import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A network between clients and a server, which can fail. */
export interface Proxy {
  /** Where the server is to be found beyond it. */
  readonly url: string;
  /** Resets every connection. New ones can be made. */
  cut(): void;
  /** From now on every connection is reset, old or new. */
  refuse(): void;
  /** From now on nothing gets through; with "answers", nothing that the server sends. New connections seem to open. */
  swallow(what?: "everything" | "answers"): void;
  /** From now on all is well again, and what was swallowed arrives, as when packets are sent again. */
  heal(): void;
  /** Leads new connections to another server. */
  lead(url: string): void;
  /** Ends it. */
  stop(): Promise<void>;
}

/** Starts a proxy to the server at `url`. */
export async function startProxy(url: string): Promise<Proxy> {
  let target = new URL(url);
  const pairs = new Set<Pair>();
  let state: "well" | "refusing" | Swallowed = "well";

  const server = createServer((client) => {
    if (state === "refusing") {
      client.resetAndDestroy();
      return;
    }
    const pair = new Pair(client, () => connect(Number(target.port), target.hostname));
    pairs.add(pair);
    client.once("close", () => {
      if (!pair.isHeld) pairs.delete(pair);
    });
    pair.hold(state === "well" ? undefined : state);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const cut = (): void => {
    for (const pair of pairs) pair.reset();
    pairs.clear();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    refuse() {
      state = "refusing";
      cut();
    },
    swallow(what = "everything") {
      state = what;
      for (const pair of pairs) pair.hold(what);
    },
    heal() {
      state = "well";
      for (const pair of pairs) pair.hold(undefined);
    },
    lead(url) {
      target = new URL(url);
    },
    async stop() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}

type Swallowed = "everything" | "answers";

/** The two sides of a connection. What a side cannot be told at present, its end included, waits. */
class Pair {
  readonly #client: Socket;
  readonly #connect: () => Socket;
  #server: Socket | undefined;
  #held: Swallowed | undefined;
  #waiting: { to: "client" | "server"; act: () => void }[] = [];

  constructor(client: Socket, connect: () => Socket) {
    this.#client = client;
    this.#connect = connect;
    client.on("error", () => {}); // "close" follows.
    client.on("data", (data) => this.#tell("server", () => this.#server?.write(data)));
    client.on("close", () => this.#tell("server", () => this.#server?.destroy()));
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Lets through less or more from now on. */
  hold(held: Swallowed | undefined): void {
    this.#held = held;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (held !== "everything") this.#open();
    for (const { to, act } of waiting) this.#tell(to, act);
  }

  reset(): void {
    this.#waiting = [];
    this.#held = undefined;
    this.#client.resetAndDestroy();
    this.#server?.resetAndDestroy();
  }

  #open(): void {
    if (this.#server) return;
    const server = this.#connect();
    this.#server = server;
    server.on("error", () => {});
    server.on("data", (data) => this.#tell("client", () => this.#client.write(data)));
    server.on("close", () => this.#tell("client", () => this.#client.destroy()));
  }

  #tell(to: "client" | "server", act: () => void): void {
    if (this.#held === "everything" || (this.#held === "answers" && to === "client")) this.#waiting.push({ to, act });
    else act();
  }
}
