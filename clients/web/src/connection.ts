import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";

import { backoff } from "./backoff.js";
import { type Carrier, type Channel, openingId, type Resume } from "./channel/channel.js";
import { type Opened, reopen } from "./channel/open.js";
import { endOf, EndError } from "./errors.js";
import {
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  type Welcome,
} from "./gen/beckon/v1/signal_pb.js";
import { Heartbeat } from "./heartbeat.js";
import { openTimeout, type SessionOptions } from "./options.js";
import type { Place } from "./progress.js";
import { watchPage } from "./wake.js";

/** How long the server may take to answer when there is a reason to doubt the connection, in milliseconds. */
const doubt = 2000;

/** How long a stream must last for the next loss to be tried at once again, in milliseconds. */
const settleAfter = 5000;

/** How long a stream may outlast the time that `draining` gave, in milliseconds. */
const drainGrace = 5000;

/** Every so many attempts of a session over a websocket go over fetch: the network may have become one without. */
const detourEvery = 3;

/** The answers that no further attempt would change. */
const final: readonly Code[] = [
  Code.NotFound,
  Code.Aborted,
  Code.Unauthenticated,
  Code.PermissionDenied,
  Code.InvalidArgument,
  Code.Unimplemented,
];

/** How a session was taken up on another stream. */
export interface Resumed {
  readonly welcome: Welcome;
  /** The stream before ended after everything that the server had handled was answered. */
  readonly answered: boolean;
  /** The network came back or became another since that stream. */
  readonly networkChanged: boolean;
}

/** The session of a {@link Connection}. */
export interface Owner {
  /** What to say to go on. */
  resume(): Resume;
  /** What the server has not been told of what has arrived. */
  untold(): Place[];
  /** Told of every response but `welcome`. */
  take(response: ConnectResponse): void;
  /** Told that there is no stream, why, and that `attempt` to get another will be made in `delay` milliseconds. */
  reconnecting(cause: EndError, attempt: number, delay: number): void;
  /** Told that there is a stream again. */
  resumed(resumed: Resumed): void;
  /** Told once that there will be no further stream, unless `end` was called. */
  ended(error: EndError | undefined): void;
}

/** What connects a session with its server: one stream after another, until the end. */
export class Connection {
  readonly #baseUrl: string;
  readonly #options: SessionOptions;
  readonly #owner: Owner;
  /** What the session was opened with. */
  readonly #carrier: Carrier;
  readonly #unwatch: () => void;

  /** The present stream; while there is none, the last. */
  #channel: Channel;
  #heartbeat: Heartbeat | undefined;
  #isUp = true;
  #closing = false;
  #over = false;
  /** Why this side has lost the present stream, if it has. */
  #dropped: EndError | undefined;
  /** The number of attempts since a stream last lasted. */
  #attempt = 0;
  /** The attempt that is under way. */
  #trying: AbortController | undefined;
  /** Ends the pause before an attempt. */
  #wake = (): void => {};
  /** The server may have heard an attempt that had no answer, and hear it late: then it ends a later stream. */
  #unanswered = false;
  #networkChanged = false;
  /** While an answer has to come soon: to a ping or, without a stream, to the attempt. */
  #doubting: ReturnType<typeof setTimeout> | undefined;
  /** While the server is to end the stream. */
  #draining: ReturnType<typeof setTimeout> | undefined;

  constructor(opened: Opened, baseUrl: string, options: SessionOptions, owner: Owner) {
    this.#baseUrl = baseUrl;
    this.#options = options;
    this.#owner = owner;
    this.#channel = opened.channel;
    this.#carrier = opened.channel.name;
    this.#unwatch = watchPage({
      changed: () => {
        this.#networkChanged = true;
        this.#try();
      },
      shown: () => this.#try(),
    });
    void this.#run(opened);
  }

  /** Whether there is a stream. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** What carries the present stream or, while there is none, carried the last. */
  get carrier(): Carrier {
    return this.#channel.name;
  }

  /** Sends a message on the present stream. */
  send(message: MessageInitShape<typeof ConnectRequestSchema>["message"]): void {
    this.transmit(create(ConnectRequestSchema, { message }));
  }

  /** Sends a request on the present stream. */
  transmit(request: ConnectRequest): void {
    this.#channel.send(request);
  }

  /** Says goodbye. The server ends the stream then; without one, this is the end. */
  close(vanishing: boolean): void {
    if (this.#closing && !vanishing) return;
    this.#closing = true;
    this.#quiet();
    this.#channel.finish(vanishing);
    this.#wake();
    this.#trying?.abort();
  }

  /** Ends it without a word to the server. */
  end(): void {
    this.#over = true;
    this.#unwatch();
    this.#quiet();
    this.#channel.abort();
    this.#wake();
    this.#trying?.abort();
  }

  async #run(first: Opened): Promise<void> {
    for (let next: Opened | undefined = first; next !== undefined;) {
      const error = await this.#carry(next);
      next = await this.#recover(error);
    }
  }

  /** Carries what comes on a stream to the session. @returns how the stream ended; undefined with OK. */
  async #carry({ channel, welcome }: Opened): Promise<EndError | undefined> {
    const interval = welcome.heartbeatInterval === undefined ? 0 : durationMs(welcome.heartbeatInterval);
    const heartbeat = new Heartbeat(interval, {
      ping: () => this.#ping(0n),
      silent: (ms) => this.#drop("SILENT", `nothing heard from the server for ${ms} ms`),
      now: () => performance.now(),
    });
    this.#heartbeat = heartbeat;
    const settled = setTimeout(() => (this.#attempt = 0), settleAfter);
    try {
      for (;;) {
        const next = await channel.responses.next();
        if (this.#over || next.done === true) return undefined;
        this.#look(next.value);
        this.#owner.take(next.value);
        heartbeat.heard();
      }
    } catch (error) {
      return this.#dropped ?? endOf(error);
    } finally {
      clearTimeout(settled);
      this.#quiet();
      channel.abort();
    }
  }

  /** Attempts to get another stream. @returns it, or undefined at the end. */
  async #recover(end: EndError | undefined): Promise<Opened | undefined> {
    this.#isUp = false;
    for (let cause = end; !this.#over;) {
      if (cause === undefined || this.#isFinal(cause)) {
        this.end();
        this.#owner.ended(cause);
        break;
      }
      this.#attempt++;
      // Who is told to back off does not come back at once.
      const delay = backoff(cause.reason === "LIMIT" ? this.#attempt + 1 : this.#attempt);
      this.#owner.reconnecting(cause, this.#attempt, delay);
      if (!this.#over && !this.#closing) await this.#pause(delay);
      if (this.#over || this.#closing) continue;
      try {
        const opened = await this.#reopen();
        if (this.#over || this.#closing) {
          opened.channel.abort();
          continue;
        }
        this.#channel = opened.channel;
        this.#dropped = undefined;
        this.#isUp = true;
        const networkChanged = this.#networkChanged;
        this.#networkChanged = false;
        this.#owner.resumed({ welcome: opened.welcome, answered: end?.reason === "SHUTTING_DOWN", networkChanged });
        return opened;
      } catch (error) {
        if (this.#over || this.#closing) continue;
        cause = endOf(error);
        this.#unanswered ||= cause.reason === "";
      }
    }
    return undefined;
  }

  #isFinal({ code }: EndError): boolean {
    if (this.#closing) return true;
    if (code === Code.Aborted && this.#unanswered) {
      this.#unanswered = false;
      return false;
    }
    return final.includes(code);
  }

  /** Makes one attempt. */
  async #reopen(): Promise<Opened> {
    const detour = this.#options.transport === undefined && this.#attempt % detourEvery === 0;
    const trying = new AbortController();
    this.#trying = trying;
    const timer = setTimeout(() => this.#giveUp(), openTimeout(this.#options));
    try {
      const options = { ...this.#options, signal: trying.signal };
      return await reopen(detour ? "fetch" : this.#carrier, this.#baseUrl, options, this.#owner.resume());
    } finally {
      clearTimeout(timer);
      clearTimeout(this.#doubting);
      this.#doubting = undefined;
      this.#trying = undefined;
    }
  }

  #giveUp(): void {
    this.#trying?.abort(new EndError(Code.Unavailable, "", "the server did not answer in time"));
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** There is a reason to try the network: the next attempt is made at once, and a stream has to prove itself. */
  #try(): void {
    if (this.#closing || this.#doubting !== undefined) return;
    if (this.#isUp) {
      this.#doubting = setTimeout(() => this.#drop("SILENT", `no answer to a ping within ${doubt} ms`), doubt);
      this.#ping(openingId);
    } else {
      this.#attempt = 1;
      if (this.#trying) this.#doubting = setTimeout(() => this.#giveUp(), doubt);
      else this.#wake();
    }
  }

  #ping(requestId: bigint): void {
    const message = { case: "ping" as const, value: { received: this.#owner.untold() } };
    this.transmit(create(ConnectRequestSchema, { requestId, message }));
  }

  /** Looks at what concerns the stream itself. */
  #look({ event, requestId }: ConnectResponse): void {
    if (event.case === "pong" && requestId === openingId) {
      clearTimeout(this.#doubting);
      this.#doubting = undefined;
      this.#networkChanged = false;
    }
    if (event.case === "draining" && !this.#closing) {
      const { reconnectAfter } = event.value;
      clearTimeout(this.#draining);
      this.#draining = setTimeout(
        () => this.#drop("", "the server did not end the stream in time"),
        (reconnectAfter ? durationMs(reconnectAfter) : 0) + drainGrace,
      );
    }
  }

  /** Loses the present stream. */
  #drop(reason: string, detail: string): void {
    this.#dropped = new EndError(Code.Unavailable, reason, detail);
    this.#channel.abort();
  }

  /** Ends what is done about the present stream as time goes by. */
  #quiet(): void {
    this.#heartbeat?.stop();
    clearTimeout(this.#doubting);
    clearTimeout(this.#draining);
    this.#doubting = undefined;
  }
}
