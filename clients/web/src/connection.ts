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
  FailureCode,
  type Welcome,
} from "./gen/beckon/v1/signal_pb.js";
import { Heartbeat } from "./heartbeat.js";
import { openTimeout, type SessionOptions } from "./options.js";
import type { Place } from "./progress.js";
import { notRenewed, Renewal } from "./renewal.js";
import { isRenewable, tokenOf } from "./token.js";
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
  /** Told that there is a stream again, or another. */
  resumed(resumed: Resumed): void;
  /** Told that `isHeld` has ended, and the stream is still the same. */
  released(): void;
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
  /** Gets the present stream's successor when access is about to run out. */
  #renewal: Renewal | undefined;
  /** The access token that was shown last, but for those that {@link Renewal} tries. */
  #token: string;
  /** The access token with which the stream, or an attempt since, ended with TOKEN_EXPIRED. */
  #expired: string | undefined;
  #isUp = true;
  #closing = false;
  #over = false;
  /** Why this side has lost the present stream, if it has. */
  #dropped: EndError | undefined;
  /** The number of attempts since a stream last lasted. */
  #attempt = 0;
  /** The number of renewals of streams that did not last before: where access is short, there are pauses. */
  #renewals = 0;
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
    this.#token = opened.token;
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

  /** Whether the session's messages have to wait, although there is a stream: it is taken up on another. */
  get isHeld(): boolean {
    return this.#renewal?.opening !== undefined;
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
      const renewal = this.#renew(next);
      const error = await this.#carry(next, renewal);
      const successor = await renewal.opening;
      this.#renewal = undefined;
      if (successor && !this.#over && !this.#closing) next = this.#takeUp(successor, false);
      else {
        successor?.channel.abort();
        next = await this.#recover(error);
      }
    }
  }

  /** Prepares for the end of a stream's access. */
  #renew({ channel, token }: Opened): Renewal {
    return (this.#renewal = new Renewal(token, {
      ask: (signal) => tokenOf(this.#options, signal, openTimeout(this.#options)),
      open: (token) =>
        this.#reopen(channel.name, token).catch((error: unknown) => {
          this.#doubtAttempt(endOf(error));
          throw error;
        }),
      opened: () => channel.abort(),
      failed: () => this.#owner.released(),
    }));
  }

  /**
   * Carries what comes on a stream to the session, until it ends or `renewal` has another.
   *
   * @returns how the stream ended; undefined with OK.
   */
  async #carry({ channel, welcome }: Opened, renewal: Renewal): Promise<EndError | undefined> {
    const interval = welcome.heartbeatInterval === undefined ? 0 : durationMs(welcome.heartbeatInterval);
    const heartbeat = new Heartbeat(interval, {
      ping: () => this.#ping(0n),
      silent: (ms) => this.#drop("SILENT", `nothing heard from the server for ${ms} ms`),
      now: () => performance.now(),
    });
    this.#heartbeat = heartbeat;
    const settled = setTimeout(() => {
      this.#attempt = 0;
      if (!renewal.begun) this.#renewals = 0;
    }, settleAfter);
    try {
      for (;;) {
        const next = await channel.responses.next();
        if (renewal.opening && (await renewal.opening)) return undefined;
        if (this.#over || next.done === true) return undefined;
        if (!this.#look(next.value)) this.#owner.take(next.value);
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
        this.#owner.ended(this.#closing ? cause : notRenewed(cause));
        break;
      }
      this.#attempt++;
      // Who is told to back off does not come back at once.
      const delay = backoff(cause.reason === "LIMIT" ? this.#attempt + 1 : this.#attempt);
      this.#owner.reconnecting(cause, this.#attempt, delay);
      if (!this.#over && !this.#closing) await this.#pause(delay);
      if (this.#over || this.#closing) continue;
      try {
        const detour = this.#options.transport === undefined && this.#attempt % detourEvery === 0;
        const opened = await this.#reopen(detour ? "fetch" : this.#carrier);
        if (this.#over || this.#closing) {
          opened.channel.abort();
          continue;
        }
        return this.#takeUp(opened, end?.reason === "SHUTTING_DOWN");
      } catch (error) {
        if (this.#over || this.#closing) continue;
        cause = endOf(error);
        this.#doubtAttempt(cause);
      } finally {
        clearTimeout(this.#doubting);
        this.#doubting = undefined;
      }
    }
    return undefined;
  }

  /** Makes a stream the present one. */
  #takeUp(opened: Opened, answered: boolean): Opened {
    this.#channel = opened.channel;
    this.#token = opened.token;
    this.#expired = undefined;
    this.#dropped = undefined;
    this.#isUp = true;
    const networkChanged = this.#networkChanged;
    this.#networkChanged = false;
    this.#owner.resumed({ welcome: opened.welcome, answered, networkChanged });
    return opened;
  }

  /** Whether no further attempt would change it. To be asked once for each end of a stream or an attempt. */
  #isFinal(cause: EndError): boolean {
    if (this.#closing) return true;
    if (cause.code === Code.Aborted && this.#unanswered) {
      this.#unanswered = false;
      return false;
    }
    // The application may have another token by now, or the server take this one for longer.
    if (cause.reason === "TOKEN_EXPIRED") {
      const former = this.#expired;
      this.#expired = this.#token;
      return former === this.#token;
    }
    return final.includes(cause.code);
  }

  /** Makes one attempt. Without a token it asks for one. */
  async #reopen(carrier: Carrier, token?: string): Promise<Opened> {
    const trying = new AbortController();
    this.#trying = trying;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      if (token === undefined) {
        token = this.#token = await tokenOf(this.#options, trying.signal, openTimeout(this.#options));
      }
      timer = setTimeout(() => this.#giveUp(), openTimeout(this.#options));
      const options = { ...this.#options, signal: trying.signal };
      return await reopen(carrier, this.#baseUrl, options, token, this.#owner.resume());
    } finally {
      clearTimeout(timer);
      this.#trying = undefined;
    }
  }

  /** Takes down how an attempt failed. */
  #doubtAttempt({ reason }: EndError): void {
    this.#unanswered ||= reason === "";
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

  /** Looks at what concerns the stream itself. @returns whether that is all that it concerns. */
  #look({ event, requestId }: ConnectResponse): boolean {
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
    const expires = event.case === "failure" && event.value.code === FailureCode.TOKEN_EXPIRING;
    if (!expires) return false;
    if (this.#renewal?.begun === false) this.#renewal.begin(++this.#renewals);
    return isRenewable(this.#options) || this.#renewals > 1; // Who cannot give another token is told once.
  }

  /** Loses the present stream. */
  #drop(reason: string, detail: string): void {
    this.#dropped = new EndError(Code.Unavailable, reason, detail);
    this.#channel.abort();
  }

  /** Ends what is done about the present stream as time goes by. */
  #quiet(): void {
    this.#heartbeat?.stop();
    this.#renewal?.stop();
    clearTimeout(this.#doubting);
    clearTimeout(this.#draining);
    this.#doubting = undefined;
  }
}
