import { durationMs } from "@bufbuild/protobuf/wkt";

import { Call, type CallOptions, onCall } from "./call.js";
import { Failure } from "./errors.js";
import type { Event } from "./event.js";
import { LeaveReason, Presence, type User, UserStatus } from "./gen/beckon/v1/signal_pb.js";
import { Peer } from "./room/peer.js";
import type { Session } from "./session.js";

export { Peer };

/** Which room to join, as whom, and who wants to hear of it. */
export interface RoomOptions {
  /** The room's name. */
  room: string;
  /** What others see. Absent: the name that comes with the access, else none. */
  name?: string;
  /** What else others see, as they like to use it. */
  attributes?: Record<string, string>;
  /** What to send: at most one track of sound and one of picture. Absent: one only listens and watches. */
  stream?: MediaStream;
  /** How to call. */
  call?: Omit<CallOptions, "room" | "peer" | "callId">;
  /**
   * Called when somebody came, and for each change: of the user, who may be away, of the call's state, of what the peer
   * sends.
   */
  onPeer?: (peer: Peer) => void;
  /** Called when somebody went. */
  onLeave?: (peer: Peer, reason: LeaveReason) => void;
  /**
   * Called when one was taken out of the room, as by an operator; not after `leave`. If the server, started anew, did not
   * let one in again, `failure` tells why.
   */
  onRemoved?: (reason: LeaveReason, failure?: Failure) => void;
}

type Kind = "audio" | "video";
const kinds: readonly Kind[] = ["audio", "video"];

/**
 * A room in which everybody is in a {@link Call} with everybody else: a mesh, good for up to about nine.
 *
 * ```ts
 * const room = await Room.join(session, {
 *   room: "lobby",
 *   stream: await navigator.mediaDevices.getUserMedia({ video: true, audio: true }),
 *   onPeer: (peer) => (videoOf(peer).srcObject = peer.stream),
 *   onLeave: (peer) => videoOf(peer).remove(),
 * });
 * ```
 *
 * Who comes calls those who are there already. A peer that speaks the protocol without this class, say a native one, can
 * keep to the same rule; but one that calls although it is called is also understood. A call that fails is made again,
 * unless the access does not allow calls.
 *
 * A session that loses its connection and goes on takes the room with it: calls go on, and those who are still there were
 * never gone. Somebody else who loses the server is `away` until they are back, or leave.
 *
 * The room ends with {@link Room.leave}, with the session, or when one is taken out of it. Then there are no more peers,
 * and nothing is called back.
 */
export class Room {
  /** The room's name. */
  readonly name: string;

  readonly #session: Session;
  readonly #options: RoomOptions;
  readonly #peers = new Map<string, Peer>();
  /** What is sent. All calls send it as parts of one stream, so that the other side keeps sound and picture together. */
  readonly #sent: Record<Kind, MediaStreamTrack | null>;
  readonly #stream = new MediaStream();
  readonly #unsubscribe: () => void;
  readonly #stopTakingCalls: () => void;
  #self: User | undefined;
  /** Why one could not join anew, if that is what is told next. */
  #refusal: Failure | undefined;
  /** Calls of those who came while the session was reconnecting, until the list tells of them. */
  #early: Call[] | undefined;
  /** While those missing from a list may still come back. */
  #mercy: ReturnType<typeof setTimeout> | undefined;

  /** Joins a room and calls those who are there. Rejects with a `Failure` if the server refuses. */
  static async join(session: Session, options: RoomOptions): Promise<Room> {
    const room = new Room(session, options);
    try {
      const { name, attributes } = options;
      await session.join({ room: options.room, name, attributes, presence: Presence.DELTA });
    } catch (error) {
      room.#close();
      throw error;
    }
    return room;
  }

  private constructor(session: Session, options: RoomOptions) {
    this.name = options.room;
    this.#session = session;
    this.#options = options;
    this.#sent = {
      audio: options.stream?.getAudioTracks()[0] ?? null,
      video: options.stream?.getVideoTracks()[0] ?? null,
    };
    this.#stopTakingCalls = onCall(session, this.name, (call) => this.#take(call), options.call);
    this.#unsubscribe = session.subscribe((event) => {
      if (event.room === this.name) this.#hear(event);
      else if (event.kind === "resumed" || event.kind === "resynced") this.#resumed(event.kind);
    });
    void session.ended.then(() => this.#close());
  }

  /** Oneself, as others see one; undefined until the room's first list has come. */
  get self(): User | undefined {
    return this.#self;
  }

  /** Everybody else, by user id, in the order in which they came. */
  get peers(): ReadonlyMap<string, Peer> {
    return this.#peers;
  }

  /** Sends everybody `track` in place of what is sent of its kind, or, with null, nothing of that kind. */
  async replaceTrack(kind: Kind, track: MediaStreamTrack | null): Promise<void> {
    this.#sent[kind] = track;
    await Promise.all(this.#calls().map((call) => call.replaceTrack(kind, track, this.#stream)));
  }

  /** Ends all calls and leaves the room. Rejects as the call `leave` of the session does; one has left all the same. */
  async leave(): Promise<void> {
    this.#close();
    await this.#session.leave(this.name);
  }

  #hear(event: Event): void {
    switch (event.kind) {
      case "joinedUsers":
        this.#list(event.users);
        break;
      case "userJoined":
        this.#meet(event.user);
        break;
      case "userUpdated":
        if (event.user.id === this.#session.id) this.#self = event.user;
        else this.#meet(event.user);
        break;
      case "userLeft":
        if (event.user.id === this.#session.id) {
          this.#close();
          this.#options.onRemoved?.(event.reason, event.reason === LeaveReason.LOST ? this.#refusal : undefined);
        } else {
          this.#part(event.user.id, event.reason);
        }
    }
    this.#refusal = event.kind === "failure" ? new Failure(event) : undefined;
  }

  /** The list is to come. If something could not be kept, those missing from it have time to come back, too. */
  #resumed(kind: "resumed" | "resynced"): void {
    this.#early = [];
    if (kind === "resumed") return;
    const { resumeWindow } = this.#session.welcome;
    clearTimeout(this.#mercy);
    this.#mercy = setTimeout(() => this.#endMercy(), resumeWindow ? durationMs(resumeWindow) : 0);
  }

  #endMercy(): void {
    this.#mercy = undefined;
    // If the session is reconnecting, the next list will tell.
    if (this.#session.state !== "connected") return;
    for (const [id, { missing }] of this.#peers) {
      if (missing) this.#part(id, LeaveReason.LOST);
    }
  }

  /** The list is in the order in which they came: one calls those before oneself. */
  #list(users: readonly User[]): void {
    const here = new Set(users.map(({ id }) => id));
    for (const [id, peer] of this.#peers) {
      if (here.has(id)) continue;
      if (this.#mercy === undefined) this.#part(id, LeaveReason.LOST);
      else if (!peer.missing) {
        this.#meet({ ...peer.user, status: UserStatus.AWAY });
        peer.missing = true;
      }
    }
    let before = true;
    for (const user of users) {
      if (user.id === this.#session.id) {
        this.#self = user;
        before = false;
      } else {
        const peer = this.#meet(user);
        peer.weCall = before;
        if (before && !peer.call) this.#call(peer);
      }
    }
    const early = this.#early;
    this.#early = undefined;
    for (const call of early ?? []) if (!call.end) this.#take(call);
  }

  /** Takes down how a user is. Whoever is as before is not told of again. */
  #meet(user: User): Peer {
    let peer = this.#peers.get(user.id);
    const isKnown = peer !== undefined && shown(peer.user) === shown(user);
    if (peer) Object.assign(peer, { user, missing: false });
    else this.#peers.set(user.id, (peer = new Peer(user)));
    if (!isKnown) this.#options.onPeer?.(peer);
    return peer;
  }

  #part(id: string, reason: LeaveReason): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    this.#peers.delete(id);
    peer.gone();
    this.#options.onLeave?.(peer, reason);
  }

  #call(peer: Peer): void {
    const call = new Call(this.#session, { ...this.#options.call, room: this.name, peer: peer.user.id });
    this.#attend(peer, call);
    for (const kind of kinds) {
      if (!this.#sent[kind]) call.pc.addTransceiver(kind, { direction: "recvonly" });
    }
  }

  #take(call: Call): void {
    const peer = this.#peers.get(call.peer);
    if (!peer && this.#early) return void this.#early.push(call);
    if (!peer) return call.reject();
    peer.call?.hangup(); // It has become another.
    this.#attend(peer, call);
    call.accept();
  }

  #attend(peer: Peer, call: Call): void {
    for (const kind of kinds) {
      const track = this.#sent[kind];
      if (track) call.addTrack(track, this.#stream);
    }
    peer.attend(call, {
      changed: () => this.#options.onPeer?.(peer),
      retry: () => this.#call(peer),
    });
  }

  #calls(): Call[] {
    return Array.from(this.#peers.values(), ({ call }) => call).filter((call) => call !== undefined);
  }

  #close(): void {
    this.#unsubscribe();
    this.#stopTakingCalls();
    clearTimeout(this.#mercy);
    for (const call of this.#early ?? []) call.reject();
    for (const peer of this.#peers.values()) {
      peer.gone();
    }
    this.#peers.clear();
  }
}

/** What others see of a user, as text that is the same if that is. */
function shown({ name, identity, attributes, status }: User): string {
  return JSON.stringify([name, identity, Object.entries(attributes).sort(), status]);
}
