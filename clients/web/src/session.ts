import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";

import { Audience } from "./audience.js";
import { open, type Opened } from "./channel/open.js";
import { Connection, type Resumed } from "./connection.js";
import { EndError, Failure } from "./errors.js";
import { type Event, eventOf, connectionEvent } from "./event.js";
import {
  type ConnectResponse,
  ConnectResponseSchema,
  FailureCode,
  type IceServer,
  LeaveReason,
  Resumption,
  UserSchema,
  type Welcome,
} from "./gen/beckon/v1/signal_pb.js";
import { Lists } from "./lists.js";
import { Memberships } from "./memberships.js";
import type { Answer, Candidate, Data, Hangup, Join, Offer, Reject, Update } from "./message.js";
import type { SendOptions, SessionOptions } from "./options.js";
import { type Entry, type Message, Outstanding } from "./outstanding.js";
import { Progress } from "./progress.js";

/** How long `close()` waits for the server to end the stream, in milliseconds. */
const closeTimeout = 5000;

/** How a session is: its connection is up, was lost and is looked for again, or it is over. */
export type SessionState = "connected" | "reconnecting" | "ended";

/**
 * One user's presence on a server, from {@link Session.connect} to its end. It may be in several rooms at once.
 *
 * ```ts
 * const session = await Session.connect("https://signal.example.org");
 * await session.join({ room: "lobby", name: "ana" });
 * for await (const event of session.events()) {
 *   if (event.kind === "callMade") await session.answer({ to: event.sender.id, room: event.room, … });
 * }
 * ```
 *
 * What is said, what it means and what becomes of it when it is wrong is specified in `beckon/v1/signal.proto`. The
 * calls take its messages, field for field. Each returns a promise: it resolves when the server has recorded the
 * message, and rejects with a {@link Failure} if the server refused it, with the reason of the `signal` that ended the
 * waiting, or with the {@link EndError} of the session. A failure harms nothing else. The calls that send something to
 * others resolve with the `requestId` that a `failure` UNDELIVERED would have, should the message come back.
 *
 * A session outlives its connection. When that is lost the session gets another and goes on where it was, as long as the
 * server keeps it; nobody sees the user leave. Calls wait until then, and what is said is said once. The events
 * `reconnecting`, `resumed`, `resynced` and `ended` tell of it. When the server itself was started anew, it cannot tell
 * what became of the messages that it had not answered: those to others that it may have recorded fail with UNAVAILABLE.
 *
 * A page that is closed or left ends its sessions: the others see the user leave at once.
 */
export class Session {
  /** The user's id: what others put into `to`. */
  readonly id: string;
  /** Resolves when the session has ended: with nothing after a clean end, else with why. Never rejects. */
  readonly ended: Promise<EndError | undefined>;

  readonly #connection: Connection;
  readonly #audience: Audience;
  readonly #lists = new Lists();
  readonly #progress: Progress;
  readonly #memberships = new Memberships();
  readonly #outstanding = new Outstanding((request) => this.#connection.transmit(request));
  #welcome: Welcome;
  #iceServers: IceServer[];
  /** `close()` was called: nothing more is taken to be sent. */
  #closing = false;
  /** The server was asked to end the session. */
  #leaving = false;
  /** Once the session has ended. */
  #end: { error: EndError | undefined } | undefined;
  #resolveEnded!: (error: EndError | undefined) => void;

  private constructor(opened: Opened, baseUrl: string, options: SessionOptions) {
    const { welcome } = opened;
    this.id = welcome.userId;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    this.#welcome = welcome;
    this.#iceServers = welcome.iceServers;
    this.#progress = new Progress(welcome.userId, welcome.epoch);
    const bound = Math.max(options.queue ?? 1024, 1);
    this.#audience = new Audience(bound, () => {
      const detail = `more than ${bound} events waited: take them from events(), or subscribe()`;
      if (!this.#closing) this.#finish(new EndError(Code.ResourceExhausted, "SLOW_CONSUMER", detail));
    });
    this.#connection = new Connection(opened, baseUrl, options, {
      resume: () => ({
        resumeToken: this.#welcome.resumeToken,
        cursors: this.#progress.all(),
        rejoin: this.#memberships.joins().filter(({ room }) => !this.#outstanding.leaves(room)),
      }),
      untold: () => this.#progress.untold(),
      take: (response) => this.#take(response),
      reconnecting: (cause, attempt, delay) => this.#lost(cause, attempt, delay),
      resumed: (resumed) => this.#resumed(resumed),
      released: () => this.#advance(),
      ended: (error) => this.#finish(this.#leaving && error?.code === Code.NotFound ? undefined : error),
    });
    globalThis.addEventListener?.("pagehide", this.#vanish);
  }

  /**
   * Opens a session with the server at `url`: `https://signal.example.org`, or what is relative to the page. It resolves
   * once the server has welcomed the client, who is then in no room.
   *
   * @throws {@link EndError}, or the reason of `options.signal`.
   */
  static async connect(url: string | URL, options: SessionOptions = {}): Promise<Session> {
    const baseUrl = new URL(url, globalThis.location?.href).href;
    return new Session(await open(baseUrl, options), baseUrl, options);
  }

  /** How the session is at present. */
  get state(): SessionState {
    if (this.#end !== undefined) return "ended";
    return this.#connection.isUp ? "connected" : "reconnecting";
  }

  /** What the server said when it took the client in, or up again: who that is and what it may do. Not to be changed. */
  get welcome(): Welcome {
    return this.#welcome;
  }

  /** What carries the session: at present or, while it is reconnecting, until then. */
  get transport(): "websocket" | "fetch" {
    return this.#connection.carrier;
  }

  /** The ICE servers at present, for `new RTCPeerConnection({ iceServers: session.iceServers })`. */
  get iceServers(): IceServer[] {
    return this.#iceServers;
  }

  /** Enters a room, or changes how one is in it. The list of who is there follows as `joinedUsers`. */
  async join(join: Join, options?: SendOptions): Promise<void> {
    await this.#send({ case: "join", value: join }, options);
  }

  /** Leaves a room. With an empty room it ends the session, as `close` does, but without waiting for the end. */
  async leave(room: string, options?: SendOptions): Promise<void> {
    await this.#send({ case: "leave", value: { room } }, options);
  }

  /** Calls a user or, without `to`, everybody else in the room; or renegotiates a call. It arrives as `callMade`. */
  offer(offer: Offer, options?: SendOptions): Promise<bigint> {
    return this.#send({ case: "offer", value: offer }, options);
  }

  /** Accepts an offer. It arrives as `answerMade`. */
  answer(answer: Answer, options?: SendOptions): Promise<bigint> {
    return this.#send({ case: "answer", value: answer }, options);
  }

  /** Tells of ICE candidates. They arrive as `candidateReceived`, never before the offer or answer sent before them. */
  candidate({ to, room, callId, candidates }: Candidate, options?: SendOptions): Promise<bigint> {
    // In the dictionary of a browser, what is absent may be null.
    const given = candidates.map((init) => ({
      candidate: init.candidate,
      sdpMid: init.sdpMid ?? undefined,
      sdpMLineIndex: init.sdpMLineIndex ?? undefined,
      usernameFragment: init.usernameFragment ?? undefined,
    }));
    return this.#send({ case: "candidate", value: { to, room, callId, candidates: given } }, options);
  }

  /** Declines a call. It arrives as `callRejected`. */
  reject(reject: Reject, options?: SendOptions): Promise<bigint> {
    return this.#send({ case: "reject", value: reject }, options);
  }

  /** Ends a call. It arrives as `callEnded`. */
  hangup(hangup: Hangup, options?: SendOptions): Promise<bigint> {
    return this.#send({ case: "hangup", value: hangup }, options);
  }

  /** Carries a message of the application's own. It arrives as `dataReceived`. */
  data(data: Data, options?: SendOptions): Promise<bigint> {
    return this.#send({ case: "data", value: data }, options);
  }

  /** Changes what others see of oneself in a room. */
  async update(update: Update, options?: SendOptions): Promise<void> {
    await this.#send({ case: "update", value: update }, options);
  }

  /**
   * Has `listener` called with every event, at once and in order, until the returned function is called.
   *
   * Any number may listen, and loop over {@link Session.events}; each sees every event from its own beginning on. While
   * there is nobody, events wait for the first who comes.
   */
  subscribe(listener: (event: Event) => void): () => void {
    return this.#audience.add(listener);
  }

  /**
   * Gives each event as it comes, from this call on. It stops after a clean end of the session; after any other it
   * throws the {@link EndError}, once the events before it were taken. The loop may be left, and begun again.
   *
   * Events that are not taken wait. If too many do, the session ends with SLOW_CONSUMER.
   */
  events(): AsyncIterableIterator<Event> {
    return this.#audience.loop();
  }

  /**
   * Ends the session: what was sent before is answered, the user leaves all rooms, and the server ends the stream, for
   * which this waits at most five seconds. The events that come until then can still be taken. Without a connection the
   * session ends at once, and the others may see the user leave only after the `resumeWindow` of {@link Session.welcome}.
   *
   * @returns as `ended`.
   */
  async close(): Promise<EndError | undefined> {
    this.#close(false);
    const detail = `the server did not end the session within ${closeTimeout} ms`;
    const timer = setTimeout(
      () => this.#finish(new EndError(Code.DeadlineExceeded, "ABANDONED", detail)),
      closeTimeout,
    );
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Ends the session as a lost connection does: the server keeps it for the `resumeWindow` of {@link Session.welcome}, in
   * which nobody sees the user leave.
   */
  abort(): void {
    this.#finish(new EndError(Code.Canceled, "ABANDONED", "the session was aborted"));
  }

  /** Sends a message and waits for its outcome. @returns its request id. */
  #send(message: Message, options: SendOptions | undefined): Promise<bigint> {
    return new Promise((resolve, reject) => {
      const signal = options?.signal;
      signal?.throwIfAborted();
      if (this.#end !== undefined || this.#closing) throw this.#over();
      const entry: Entry = this.#outstanding.add(message, this.#maxBytes, (failure) => {
        signal?.removeEventListener("abort", abandon);
        if (failure === undefined) resolve(entry.request.requestId);
        else reject(failure);
      });
      const abandon = (): void => {
        this.#outstanding.abandon(entry);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abandon);
      if (message.case === "leave" && !message.value.room) this.#leaving = true;
      this.#advance();
    });
  }

  get #maxBytes(): number {
    return this.#welcome.limits?.maxMessageBytes ?? 0;
  }

  /** Sends what can be sent now. */
  #advance(): void {
    if (!this.#connection.isUp || this.#connection.isHeld) return;
    this.#outstanding.advance();
    if (this.#closing && !this.#outstanding.isFull) this.#connection.close(false);
  }

  #take(response: ConnectResponse): void {
    const { event: happened, requestId, room } = response;
    switch (happened.case) {
      case "ack":
        this.#settle(requestId);
        return;
      case "failure":
        // One that came back was recorded: that is not the outcome of its call.
        if (happened.value.code !== FailureCode.UNDELIVERED && this.#settle(requestId, new Failure(happened.value)))
          return;
        break;
      case "joinedUsers": {
        const list = this.#lists.add(room, happened.value);
        if (list === undefined) return;
        happened.value = list;
        break;
      }
      case "iceServersChanged":
        this.#iceServers = happened.value.iceServers;
    }
    const event = eventOf(response);
    if (event === undefined) return;
    this.#tell(event, encodedSize(response));
    // A room that cannot be joined anew.
    if (event.kind === "failure" && requestId === 0n) this.#removed(room);
  }

  /** Tells what became of a message. @returns whether somebody waits for it. */
  #settle(requestId: bigint, failure?: Failure): boolean {
    const entry = this.#outstanding.take(requestId);
    if (entry === undefined) return false;
    const { message } = entry.request;
    const hasLeft = message.case === "leave" && failure?.code === FailureCode.NOT_IN_ROOM;
    // A server that was started anew does not remember that it was the first one that did it.
    if (hasLeft && entry.isRepeated) failure = undefined;
    if (failure === undefined) this.#memberships.recorded(entry.request);
    if (message.case === "leave" && (failure === undefined || hasLeft)) {
      this.#memberships.forget(message.value.room);
      this.#progress.forget(message.value.room);
    }
    this.#advance();
    entry.settle?.(failure);
    return entry.settle !== undefined;
  }

  #tell(event: Event, bytes: number): void {
    if (!this.#progress.note(event, bytes)) return;
    if (event.kind === "userLeft" && event.user.id === this.id) this.#memberships.forget(event.room);
    if (event.seq > 0n && this.#progress.isDue)
      this.#connection.send({ case: "received", value: { cursors: this.#progress.untold() } });
    this.#audience.tell(event);
  }

  /** Sees to it that everybody knows that the session is no longer in a room. */
  #removed(room: string): void {
    const join = this.#memberships.get(room);
    if (join === undefined) return;
    const { name, attributes } = join;
    const user = create(UserSchema, { id: this.id, name, attributes });
    this.#tell({ kind: "userLeft", room, seq: 0n, user, reason: LeaveReason.LOST }, 0);
  }

  #lost(cause: EndError, attempt: number, delay: number): void {
    if (cause.code === Code.ResourceExhausted && ["MESSAGE_TOO_LARGE", ""].includes(cause.reason))
      this.#outstanding.failTooLarge(this.#maxBytes);
    this.#audience.tell(connectionEvent("reconnecting", { cause, attempt, delay }));
  }

  #resumed({ welcome, answered, networkChanged }: Resumed): void {
    this.#progress.begin(welcome.epoch);
    if (!answered) this.#outstanding.doubt();
    if (welcome.epoch !== this.#welcome.epoch) this.#outstanding.failDoubtful();
    this.#welcome = welcome;
    this.#iceServers = welcome.iceServers;
    this.#lists.clear();
    this.#outstanding.repeat();
    this.#advance();
    const kind = welcome.resumption === Resumption.RESUMED ? "resumed" : "resynced";
    this.#audience.tell(connectionEvent(kind, { networkChanged }));
  }

  /** Says goodbye, once. */
  #close(vanishing: boolean): void {
    if (this.#end !== undefined || (this.#closing && !vanishing)) return;
    this.#closing = true;
    if (vanishing || !this.#connection.isUp) {
      if (this.#connection.isUp) this.#outstanding.advance(true);
      this.#connection.close(vanishing);
    } else this.#advance();
  }

  readonly #vanish = (): void => this.#close(true);

  /** Ends the session, once: whatever waits for it learns how. */
  #finish(error: EndError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    globalThis.removeEventListener?.("pagehide", this.#vanish);
    this.#connection.end();
    this.#outstanding.failAll(this.#over());
    this.#audience.tell(connectionEvent("ended", { error }));
    this.#audience.end(error);
    this.#resolveEnded(error);
  }

  /** The error of a call that the session's end overtook. */
  #over(): EndError {
    return this.#end?.error ?? new EndError(Code.Canceled, "CLOSED", "the session was closed");
  }
}

function encodedSize(response: ConnectResponse): number {
  return toBinary(ConnectResponseSchema, response).length;
}
