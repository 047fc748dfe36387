import {
  type CallEnd,
  hangupReason,
  type HangupWord,
  hungUp,
  rejected,
  rejectReason,
  type RejectWord,
} from "./call/end.js";
import { Negotiation } from "./call/negotiation.js";
import { currentRoute, type Route } from "./call/route.js";
import { type Line, switchboard } from "./call/switchboard.js";
import { verificationCode } from "./call/verify.js";
import { Failure } from "./errors.js";
import type { Event, EventOf } from "./event.js";
import { FailureCode } from "./gen/beckon/v1/signal_pb.js";
import type { Session } from "./session.js";

export type { CallEnd, HangupWord, RejectWord, Route };

/** How far a call has come: from `calling` or `ringing` to `ended`. */
export type CallState =
  /** The other side was called and has not answered. */
  | "calling"
  /** The other side calls: `accept` or `reject`. */
  | "ringing"
  /** The call was answered; the two sides look for a way to reach each other. */
  | "connecting"
  /** Media and data can flow. */
  | "connected"
  /** The way was lost; another is looked for. */
  | "reconnecting"
  /** It is over: see `Call.end`. */
  | "ended";

/** Whom to call, and how. */
export interface CallOptions {
  /** The other side: the id of a user in the room. */
  peer: string;
  /** The room of the call. */
  room: string;
  /** The call, unique between the two. Default: a random one. */
  callId?: string;
  /** Who gives way when both sides offer at once. Exactly one must. Default: the side with the smaller user id. */
  polite?: boolean;
  /** What the RTCPeerConnection is made of. Default: the ICE servers of the session. */
  rtc?: RTCConfiguration;
  /** How long the other side may take to answer, in milliseconds. Default: 60,000. */
  answerTimeout?: number;
  /** How long the sides may take to reach each other, or to do so again, in milliseconds. Default: 30,000. */
  connectTimeout?: number;
}

/** A connection that is lost for so many milliseconds is given a new way, though the browser may still hope. */
const restartAfter = 4000;

/**
 * A call between two users: an RTCPeerConnection whose descriptions and candidates go through a session.
 *
 * `new Call` calls. The offer goes out as soon as there is something to offer: a track or a data channel.
 *
 * ```ts
 * const call = new Call(session, { room: "lobby", peer: bob.id });
 * call.onTrack = (track, streams) => (video.srcObject = streams[0] ?? new MediaStream([track]));
 * call.addStream(await navigator.mediaDevices.getUserMedia({ video: true, audio: true }));
 * ```
 *
 * {@link onCall} takes calls. After the answer the two sides are alike: either may add and remove tracks at any time,
 * even both at once, and what has to be negotiated is. If two users call each other at once, the two calls become one. A
 * connection that is lost is looked for anew (ICE restart).
 *
 * A session that is reconnecting leaves the media alone, and what the two sides have to tell each other waits for it.
 *
 * What happens on the network is never thrown at the caller; what cannot be mended ends the call.
 */
export class Call {
  /** The room of the call. */
  readonly room: string;
  /** The other side's user id. */
  readonly peer: string;
  /** Whether this side gives way when both offer at once. */
  readonly polite: boolean;
  /** The connection, to be used freely but for its descriptions and candidates. */
  readonly pc: RTCPeerConnection;

  /** Called for each track that the other side sends, with the streams that the track belongs to. */
  onTrack?: (track: MediaStreamTrack, streams: readonly MediaStream[]) => void;
  /** Called for each data channel that the other side opens. */
  onChannel?: (channel: RTCDataChannel) => void;
  /** Called when the state has changed. */
  onState?: (state: CallState) => void;

  readonly #session: Session;
  readonly #negotiation: Negotiation;
  readonly #rtc: RTCConfiguration | undefined;
  readonly #answerTimeout: number;
  readonly #connectTimeout: number;
  readonly #unplug: () => void; // Takes the call off the switchboard.
  readonly #incoming: EventOf<"callMade"> | undefined;
  readonly #descriptions = new Set<bigint>(); // The request ids of those that were sent.
  #state: CallState;
  #end: CallEnd | undefined;
  #answered = false;
  #wasConnected = false;
  #deadline: ReturnType<typeof setTimeout> | undefined; // Of the present state.
  #restart: ReturnType<typeof setTimeout> | undefined; // While the connection is lost.
  #restartIsDue = false; // Once the session is connected.

  /** Calls. With `incoming`, which {@link onCall} gives, it is the other side's call and rings. */
  constructor(session: Session, options: CallOptions, incoming?: EventOf<"callMade">) {
    this.room = options.room;
    this.peer = options.peer;
    this.polite = options.polite ?? session.id < options.peer;
    this.#session = session;
    this.#rtc = options.rtc;
    this.#answerTimeout = options.answerTimeout ?? 60_000;
    this.#connectTimeout = options.connectTimeout ?? 30_000;
    this.#incoming = incoming;
    this.#state = incoming ? "ringing" : "calling";

    this.pc = new RTCPeerConnection({ iceServers: [...session.iceServers], ...options.rtc });
    this.pc.addEventListener("connectionstatechange", () => this.#connectionChanged());
    this.pc.addEventListener("track", ({ track, streams }) => tell(this.onTrack, track, streams));
    this.pc.addEventListener("datachannel", ({ channel }) => tell(this.onChannel, channel));

    const callId = incoming?.callId ?? options.callId ?? randomId();
    this.#negotiation = new Negotiation(
      this.pc,
      { callId, polite: this.polite, begun: !incoming },
      {
        offer: (sdp) => this.#deliver(session.offer({ ...this.#address(), sdp })),
        answer: (sdp) => {
          this.#deliver(session.answer({ ...this.#address(), sdp }));
          this.#agreed();
        },
        candidates: (candidates) => session.candidate({ ...this.#address(), candidates }).catch(ignore), // ICE copes.
        ignored: ({ callId }) => {
          if (callId === this.callId) return; // It was a renegotiation. The other side gives way.
          const reason = rejectReason("busy");
          session.reject({ ...this.#address(), callId, reason, detail: "both called at once" }).catch(ignore);
        },
        agreed: () => this.#agreed(),
        failed: (error) => this.#failed(error),
      },
    );
    this.#unplug = switchboard(session).plug(this.#line());
    this.#setDeadline();
  }

  /** The call's id, which both sides know it by. It changes once if both call each other at once. */
  get callId(): string {
    return this.#negotiation.callId;
  }

  /** How far the call has come. */
  get state(): CallState {
    return this.#state;
  }

  /** How the call ended; undefined while it goes on. */
  get end(): CallEnd | undefined {
    return this.#end;
  }

  /** Takes a call that rings. What was added before goes with the answer. */
  accept(): void {
    if (this.#state !== "ringing") return;
    this.#answered = true;
    this.#setState("connecting");
    this.#negotiation.takeOffer(this.#incoming!);
  }

  /** Declines a call that rings. */
  reject(reason: RejectWord = "declined", detail = ""): void {
    if (this.#state !== "ringing") return;
    this.#session.reject({ ...this.#address(), reason: rejectReason(reason), detail }).catch(ignore);
    this.#finish({ by: "us", reason, detail });
  }

  /** Ends the call, whatever its state. Default of `reason`: `hungUp`, or `cancelled` before the answer. */
  hangup(reason: HangupWord = this.#answered ? "hungUp" : "cancelled", detail = ""): void {
    if (this.#state === "ringing") return this.reject();
    if (this.#state === "ended") return;
    this.#session.hangup({ ...this.#address(), reason: hangupReason(reason), detail }).catch(ignore);
    this.#finish({ by: "us", reason, detail });
  }

  /** Sends the tracks of a stream. */
  addStream(stream: MediaStream): void {
    for (const track of stream.getTracks()) this.addTrack(track, stream);
  }

  /** Sends a track, which the other side receives as a part of `streams`. */
  addTrack(track: MediaStreamTrack, ...streams: MediaStream[]): RTCRtpSender {
    return this.pc.addTrack(track, ...streams);
  }

  /**
   * Sends a track in place of the one of its kind, or, with null, nothing. Where the call sends or has sent that kind
   * already nothing is negotiated, and the other side notices only that the picture is another.
   */
  async replaceTrack(
    kind: "audio" | "video",
    track: MediaStreamTrack | null,
    ...streams: MediaStream[]
  ): Promise<void> {
    const transceiver = this.pc
      .getTransceivers()
      .find(({ receiver, direction }) => receiver.track.kind === kind && direction !== "stopped");
    if (transceiver === undefined) {
      if (track) this.addTrack(track, ...streams);
      return;
    }
    await transceiver.sender.replaceTrack(track);
    if (track === null || transceiver.direction.startsWith("send")) return;
    transceiver.sender.setStreams(...streams);
    transceiver.direction = transceiver.direction === "recvonly" ? "sendrecv" : "sendonly";
  }

  /** Opens a data channel, which the other side receives by {@link onChannel}. */
  openChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel {
    return this.pc.createDataChannel(label, options);
  }

  /** The way that media takes at present; undefined if there is none. */
  route(): Promise<Route | undefined> {
    return currentRoute(this.pc);
  }

  /**
   * The code of the call, six groups of five digits. Both sides have the same, unless somebody sits between them and
   * hears what they say: who introduced them, the server, could have brought in somebody else. So have the two people
   * read it to each other, as they hear and see each other. It is not secret.
   *
   * It is made of the keys that both sides use (their certificates' fingerprints), and stays the same as long as these
   * do. That the other side has its key is certain once the call is `connected`: compare it then.
   *
   * Rejects with an Error before the call is answered, and where {@link verificationCode} does. Then there is nothing
   * to compare, and nothing is known.
   */
  async verify(): Promise<string> {
    const { currentLocalDescription: local, currentRemoteDescription: remote } = this.pc;
    if (!local || !remote)
      throw new Error(
        "there is no code: the descriptions of both sides are needed, which are there once one has answered",
      );
    return verificationCode(local.sdp, remote.sdp);
  }

  #line(): Line {
    return {
      room: this.room,
      peer: this.peer,
      callId: () => this.callId,
      isOpen: () => this.#state === "calling",
      hear: (event) => this.#hear(event),
      cut: (error) => {
        if (error) this.#finish({ by: "server", reason: "lost", detail: words(error) });
        else this.#finish({ by: "us", reason: "hungUp", detail: "" });
      },
    };
  }

  #hear(event: Event): void {
    switch (event.kind) {
      case "callMade":
        // One that rings has been offered already, and its caller waits.
        if (this.#state !== "ringing") this.#negotiation.takeOffer(event);
        break;
      case "answerMade":
        this.#negotiation.takeAnswer(event);
        break;
      case "candidateReceived":
        this.#negotiation.takeCandidates(event.candidates);
        break;
      case "callRejected":
        this.#negotiation.inTurn(event.callId, () => this.#finish(rejected(event)));
        break;
      case "callEnded":
        this.#negotiation.inTurn(event.callId, () => this.#finish(hungUp(event)));
        break;
      case "userLeft":
        this.#finish({ by: "room", reason: "left", detail: "" });
        break;
      case "failure":
        // Candidates that came back are some paths less; without a description the call cannot go on.
        if (this.#descriptions.has(event.requestId)) this.#finish(unreachable(new Failure(event)));
        break;
      case "resumed":
      case "resynced":
        this.#useIceServers();
        this.#setDeadline();
        if (event.kind === "resynced") this.#negotiation.repeatOffer();
        if (this.#restartIsDue || event.networkChanged) this.#restartIce();
        break;
      case "iceServersChanged":
        this.#useIceServers();
    }
  }

  /** Takes the session's ICE servers, from the next ICE restart on. */
  #useIceServers(): void {
    if (this.#rtc?.iceServers) return;
    this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: [...this.#session.iceServers] });
  }

  /** Looks for another way, unless one was found. As long as the other side cannot be told it waits. */
  #restartIce(): void {
    this.#restartIsDue = this.#session.state !== "connected";
    const isFound = ["connected", "completed"].includes(this.pc.iceConnectionState);
    if (!this.#restartIsDue && !isFound) this.pc.restartIce();
  }

  #address(): { to: string; room: string; callId: string } {
    return { to: this.peer, room: this.room, callId: this.callId };
  }

  /** Sees to it that a description arrives, without which the call cannot go on. */
  #deliver(sent: Promise<bigint>): void {
    sent.then(
      (requestId) => this.#descriptions.add(requestId),
      (error: unknown) => {
        // It may have arrived all the same. If it has not, the offer is repeated, or the deadline ends the call.
        if (error instanceof Failure && error.code === FailureCode.UNAVAILABLE) return;
        this.#finish(unreachable(error));
      },
    );
  }

  #agreed(): void {
    this.#answered = true;
    this.#connectionChanged();
  }

  #failed(error: unknown): void {
    if (this.#incoming && !this.pc.currentRemoteDescription) {
      // The very offer could not be taken.
      const detail = words(error);
      this.#session.reject({ ...this.#address(), reason: rejectReason("unsupported"), detail }).catch(ignore);
      this.#finish({ by: "us", reason: "unsupported", detail });
    } else {
      this.hangup("failed", words(error));
    }
  }

  #connectionChanged(): void {
    if (this.#end || !this.#answered) return;
    const connection = this.pc.connectionState;
    this.#wasConnected ||= connection === "connected";

    clearTimeout(this.#restart);
    if (connection === "failed") this.#restartIce();
    if (connection === "disconnected") this.#restart = setTimeout(() => this.#restartIce(), restartAfter);

    if (connection === "connected") this.#setState("connected");
    else this.#setState(this.#wasConnected ? "reconnecting" : "connecting");
  }

  #setState(state: CallState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#setDeadline();
    tell(this.onState, state);
  }

  #setDeadline(): void {
    clearTimeout(this.#deadline);
    if (this.#state === "calling") {
      this.#expire(this.#answerTimeout, "timeout", "no answer");
    } else if (this.#state === "connecting" || this.#state === "reconnecting") {
      this.#expire(this.#connectTimeout, "failed", "found no way to connect");
    }
  }

  /** Ends the call after so many milliseconds; not while the session is reconnecting, after which there is new time. */
  #expire(timeout: number, reason: HangupWord, detail: string): void {
    this.#deadline = setTimeout(() => {
      if (this.#session.state === "connected") this.hangup(reason, detail);
    }, timeout);
  }

  #finish(end: CallEnd): void {
    if (this.#end) return;
    this.#end = end;
    clearTimeout(this.#restart);
    this.#unplug();
    this.pc.close();
    this.#setState("ended");
  }
}

/**
 * Takes the calls that come in from a room, until the returned function is called. Each `ringing` call is given to
 * `ring`, which may accept or reject it at once or later.
 *
 * ```ts
 * onCall(session, "lobby", (call) => {
 *   call.addStream(camera);
 *   call.accept();
 * });
 * ```
 *
 * @throws Error if something else takes the calls of this room.
 */
export function onCall(
  session: Session,
  room: string,
  ring: (call: Call) => void,
  options?: Omit<CallOptions, "room" | "peer" | "callId">,
): () => void {
  return switchboard(session).ring(room, (offer) =>
    ring(new Call(session, { ...options, room, peer: offer.sender.id }, offer)),
  );
}

/** Without crypto.randomUUID, which pages without TLS do not have. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** How a call ended whose description could not be brought to the other side. */
function unreachable(error: unknown): CallEnd {
  const isForbidden = error instanceof Failure && error.code === FailureCode.PERMISSION_DENIED;
  return { by: "server", reason: isForbidden ? "notAllowed" : "unreachable", detail: words(error) };
}

/** What the specification allows in a `detail`. */
function words(error: unknown): string {
  return String(error).slice(0, 250);
}

/** Calls back the application. Its mistakes are its own and do not end the call. */
function tell<A extends unknown[]>(callback: ((...args: A) => void) | undefined, ...args: A): void {
  try {
    callback?.(...args);
  } catch (error) {
    reportError(error);
  }
}

function ignore(): void {}
