import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";

import { Audience } from "./audience.js";
import { type Channel, openingId } from "./channel/channel.js";
import { open } from "./channel/open.js";
import { EndError, endOf, Failure } from "./errors.js";
import { type Event, eventOf } from "./event.js";
import {
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  FailureCode,
  type IceServer,
  type Welcome,
} from "./gen/beckon/v1/signal_pb.js";
import { Heartbeat } from "./heartbeat.js";
import { Lists } from "./lists.js";
import type { Answer, Candidate, Data, Hangup, Join, Offer, Reject, Update } from "./message.js";
import type { SendOptions, SessionOptions } from "./options.js";
import { Progress } from "./progress.js";

/** How long `close()` waits for the server to end the stream, in milliseconds. */
const closeTimeout = 5000;

/** The member of the oneof in ConnectRequest. */
type Message = NonNullable<MessageInitShape<typeof ConnectRequestSchema>["message"]>;

/** Who waits for the outcome of a message. */
interface Waiting {
  settle(failure?: Error): void;
}

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
 * waiting, or with the {@link EndError} of the session. A failure harms nothing else.
 *
 * A page that is closed or left ends its sessions: the others see the user leave at once.
 */
export class Session {
  /** The user's id: what others put into `to`. */
  readonly id: string;
  /** What the server said first: who the client is and what it may do. Not to be changed. */
  readonly welcome: Welcome;
  /** What carries the session. */
  readonly transport: "websocket" | "fetch";
  /** Resolves when the session has ended: with nothing after a clean end, else with why. Never rejects. */
  readonly ended: Promise<EndError | undefined>;

  readonly #channel: Channel;
  readonly #audience: Audience;
  readonly #heartbeat: Heartbeat;
  readonly #lists = new Lists();
  readonly #progress: Progress;
  /** By request id. */
  readonly #waiting = new Map<bigint, Waiting>();
  /** The request id given last. */
  #lastId = openingId;
  #iceServers: IceServer[];
  /** `close()` was called: nothing more is sent. */
  #closing = false;
  /** Once the session has ended. */
  #end: { error: EndError | undefined } | undefined;
  #resolveEnded!: (error: EndError | undefined) => void;

  private constructor(channel: Channel, welcome: Welcome, options: SessionOptions) {
    this.id = welcome.userId;
    this.welcome = welcome;
    this.transport = channel.name;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    this.#channel = channel;
    this.#iceServers = welcome.iceServers;
    this.#progress = new Progress(welcome.userId);
    const bound = Math.max(options.queue ?? 1024, 1);
    this.#audience = new Audience(bound, () => {
      const detail = `more than ${bound} events waited: take them from events(), or subscribe()`;
      if (!this.#closing) this.#finish(new EndError(Code.ResourceExhausted, "SLOW_CONSUMER", detail));
    });
    this.#heartbeat = new Heartbeat(milliseconds(welcome.heartbeatInterval), {
      ping: () => this.#transmit(0n, { case: "ping", value: { received: this.#progress.untold() } }),
      silent: (ms) =>
        this.#finish(new EndError(Code.Unavailable, "SILENT", `nothing heard from the server for ${ms} ms`)),
      now: () => performance.now(),
    });
    globalThis.addEventListener?.("pagehide", this.#vanish);
    void this.#read();
  }

  /**
   * Opens a session with the server at `url`: `https://signal.example.org`, or what is relative to the page. It resolves
   * once the server has welcomed the client, who is then in no room.
   *
   * @throws {@link EndError}, or the reason of `options.signal`.
   */
  static async connect(url: string | URL, options: SessionOptions = {}): Promise<Session> {
    const { channel, welcome } = await open(url, options);
    return new Session(channel, welcome, options);
  }

  /** The ICE servers at present, for `new RTCPeerConnection({ iceServers: session.iceServers })`. */
  get iceServers(): IceServer[] {
    return this.#iceServers;
  }

  /** Enters a room, or changes how one is in it. The list of who is there follows as `joinedUsers`. */
  join(join: Join, options?: SendOptions): Promise<void> {
    return this.#send({ case: "join", value: join }, options);
  }

  /** Leaves a room. With an empty room it ends the session, as `close` does, but without waiting for the end. */
  async leave(room: string, options?: SendOptions): Promise<void> {
    await this.#send({ case: "leave", value: { room } }, options);
    this.#progress.forget(room);
  }

  /** Calls a user or, without `to`, everybody else in the room; or renegotiates a call. It arrives as `callMade`. */
  offer(offer: Offer, options?: SendOptions): Promise<void> {
    return this.#send({ case: "offer", value: offer }, options);
  }

  /** Accepts an offer. It arrives as `answerMade`. */
  answer(answer: Answer, options?: SendOptions): Promise<void> {
    return this.#send({ case: "answer", value: answer }, options);
  }

  /** Tells of ICE candidates. They arrive as `candidateReceived`, never before the offer or answer sent before them. */
  candidate({ to, room, callId, candidates }: Candidate, options?: SendOptions): Promise<void> {
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
  reject(reject: Reject, options?: SendOptions): Promise<void> {
    return this.#send({ case: "reject", value: reject }, options);
  }

  /** Ends a call. It arrives as `callEnded`. */
  hangup(hangup: Hangup, options?: SendOptions): Promise<void> {
    return this.#send({ case: "hangup", value: hangup }, options);
  }

  /** Carries a message of the application's own. It arrives as `dataReceived`. */
  data(data: Data, options?: SendOptions): Promise<void> {
    return this.#send({ case: "data", value: data }, options);
  }

  /** Changes what others see of oneself in a room. */
  update(update: Update, options?: SendOptions): Promise<void> {
    return this.#send({ case: "update", value: update }, options);
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
   * which this waits at most five seconds. The events that come until then can still be taken.
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

  /** Sends a message and waits for its outcome. */
  #send(message: Message, options: SendOptions | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const signal = options?.signal;
      signal?.throwIfAborted();
      if (this.#end !== undefined || this.#closing) throw this.#over();
      const id = this.#lastId + 1n;
      this.#transmit(id, message);
      this.#lastId = id;

      const abandon = (): void => {
        this.#waiting.delete(id);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abandon);
      this.#waiting.set(id, {
        settle: (failure) => {
          this.#waiting.delete(id);
          signal?.removeEventListener("abort", abandon);
          if (failure === undefined) resolve();
          else reject(failure);
        },
      });
    });
  }

  /** Puts a message on the channel. @throws Failure if it is one that would end the stream. */
  #transmit(requestId: bigint, message: Message): void {
    const request = create(ConnectRequestSchema, { requestId, message });
    const limit = this.welcome.limits?.maxMessageBytes ?? 0;
    const size = encodedSize(request);
    if (limit > 0 && size > limit) {
      const detail = `the message has ${size} bytes: the server takes at most ${limit}`;
      throw new Failure({ code: FailureCode.TOO_LARGE, detail });
    }
    this.#channel.send(request);
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const next = await this.#channel.responses.next();
        if (this.#end !== undefined) return;
        if (next.done === true) break;
        this.#take(next.value);
        this.#heartbeat.heard();
      }
      this.#finish(undefined);
    } catch (error) {
      this.#finish(endOf(error));
    }
  }

  #take(response: ConnectResponse): void {
    const { event: happened, requestId, room } = response;
    switch (happened.case) {
      case "ack":
      case "pong":
        this.#waiting.get(requestId)?.settle();
        return;
      case "failure": {
        // One that came back was recorded: that is not the outcome of its call.
        const waiting = happened.value.code === FailureCode.UNDELIVERED ? undefined : this.#waiting.get(requestId);
        if (waiting === undefined) break;
        waiting.settle(new Failure(happened.value));
        return;
      }
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
    this.#progress.note(event);
    this.#audience.tell(event);
  }

  /** Says goodbye, once. */
  #close(vanishing: boolean): void {
    if (this.#end !== undefined || (this.#closing && !vanishing)) return;
    this.#closing = true;
    this.#heartbeat.stop();
    this.#channel.finish(vanishing);
  }

  readonly #vanish = (): void => this.#close(true);

  /** Ends the session, once: whatever waits for it learns how. */
  #finish(error: EndError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    globalThis.removeEventListener?.("pagehide", this.#vanish);
    this.#heartbeat.stop();
    this.#channel.abort();
    for (const waiting of this.#waiting.values()) waiting.settle(this.#over());
    this.#audience.end(error);
    this.#resolveEnded(error);
  }

  /** The error of a call that the session's end overtook. */
  #over(): EndError {
    return this.#end?.error ?? new EndError(Code.Canceled, "CLOSED", "the session was closed");
  }
}

/** How large a message is. @throws Failure if it is none: a field has the wrong type. */
function encodedSize(request: ConnectRequest): number {
  try {
    return toBinary(ConnectRequestSchema, request).length;
  } catch (error) {
    throw new Failure({ code: FailureCode.INVALID, detail: String(error) });
  }
}

function milliseconds(duration: Welcome["heartbeatInterval"]): number {
  return duration === undefined ? 0 : durationMs(duration);
}
