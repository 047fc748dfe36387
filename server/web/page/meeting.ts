import { type Event, LeaveReason, type Peer, Room, type Route, Session } from "@beckon/client";

import { startChat } from "./chat.js";
import { type Code, codeOf } from "./code.js";
import { announce, dismissNotice, showNotice } from "./dom.js";
import type { Media } from "./media.js";
import { type Person, showPeople } from "./people.js";
import { removeTile, removeTiles, showTile } from "./tiles.js";
import { presentToken } from "./token.js";
import { callInWords, entryProblemInWords, nameOf, peerInWords, removalInWords } from "./words.js";

/** How often it is measured how the calls are, in milliseconds. */
const measureEvery = 2000;

/** How long the connection to the server may be lost before that is shown, in milliseconds. */
const showLossAfter = 500;

const reconnecting = "The connection to the server was lost. Reconnecting …";

/** Why a session ended in place of which a new one can be begun. */
const mendable = ["NO_SUCH_SESSION", "SLOW_CONSUMER"];

/** Where to meet, and as whom. */
export interface Place {
  room: string;
  name: string;
}

/** Oneself in a room, from {@link Meeting.enter} to {@link Meeting.leave}; on several sessions if one is gone for good. */
export class Meeting {
  /** Called when one is no longer in the room and will not be again, with why in words; not after `leave`. */
  onEnd?: (why: string, error?: unknown) => void;

  readonly #place: Place;
  readonly #media: Media;
  readonly #routes = new Map<Peer, Route>();
  readonly #codes = new Map<Peer, Code>();
  /** What was announced last of whom. */
  readonly #announced = new WeakMap<Peer, string>();
  #session: Session | undefined;
  #room: Room | undefined;
  #left = false;
  #measuring: ReturnType<typeof setInterval> | undefined;
  /** While the connection to the server is lost, and that is not shown. */
  #loss: ReturnType<typeof setTimeout> | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(place: Place, media: Media) {
    this.#place = place;
    this.#media = media;
  }

  /** Joins the room. @throws EndError or Failure if that cannot be. */
  async enter(): Promise<void> {
    await this.#join();
    this.#measuring = setInterval(() => void this.#measure(), measureEvery);
    this.#unsubscribe = this.#media.subscribe((kind, track) => this.#mediaChanged(kind, track));
    void this.#stay();
  }

  /** Leaves the room. */
  leave(): void {
    this.#left = true;
    clearInterval(this.#measuring);
    this.#unsubscribe?.();
    this.#showConnected();
    this.#hangUp();
    removeTiles();
  }

  /** Ends the calls at once, not only when the server has heard of it. */
  #hangUp(): void {
    this.#room?.leave().catch(() => {}); // One has left all the same.
    void this.#session?.close();
  }

  async #join(): Promise<void> {
    const { room, name } = this.#place;
    const session = await Session.connect("/", { token: presentToken });
    if (this.#left) return void session.close();
    try {
      startChat(session, room);
      this.#room = await Room.join(session, {
        room,
        name,
        attributes: this.#attributes(),
        stream: this.#media.stream,
        onPeer: (peer) => this.#showPeer(peer),
        onLeave: (peer, reason) => this.#removePeer(peer, reason),
        onRemoved: (reason, failure) => this.#end(failure ? entryProblemInWords(failure) : removalInWords(reason)),
      });
    } catch (error) {
      void session.close();
      throw error;
    }
    session.subscribe((event) => this.#hear(event));
    this.#session = session;
    if (this.#left) return this.#hangUp();
    this.#showSelf();
  }

  /** The session finds its way back by itself. */
  #hear({ kind }: Event): void {
    if (kind === "reconnecting") this.#loss ??= setTimeout(() => showNotice(reconnecting), showLossAfter);
    if (kind === "resumed" || kind === "resynced") this.#showConnected();
  }

  #showConnected(): void {
    clearTimeout(this.#loss);
    this.#loss = undefined;
    dismissNotice(reconnecting);
  }

  /** Joins anew when the session is gone for good, as when the server forgot it. */
  async #stay(): Promise<void> {
    for (;;) {
      const error = await this.#session!.ended;
      if (this.#left) return;
      removeTiles();
      this.#showSelf();
      try {
        if (!mendable.includes(error?.reason ?? "")) throw error;
        await this.#join();
        this.#showConnected();
      } catch (error) {
        return this.#end(entryProblemInWords(error), error);
      }
    }
  }

  #end(why: string, error?: unknown): void {
    if (!this.#left) this.onEnd?.(why, error);
  }

  #mediaChanged(kind: "audio" | "video", track: MediaStreamTrack | null): void {
    const { room } = this.#place;
    // Both fail if the session is about to end, and then all is told anew.
    this.#room?.replaceTrack(kind, track).catch(() => {});
    this.#session?.update({ room, attributes: this.#attributes() }).catch(() => {});
    this.#showSelf();
  }

  /** What others should know and cannot see or hear. */
  #attributes(): Record<string, string> {
    return { microphone: this.#media.microphone ? "on" : "off", picture: this.#media.picture };
  }

  #showSelf(): void {
    const { stream, microphone, picture } = this.#media;
    const name = `${this.#place.name} (you)`;
    showTile("self", {
      name,
      state: "",
      code: undefined,
      stream,
      veil: "",
      muted: !microphone,
      whole: picture === "screen",
      mirrored: picture === "camera",
      silent: true,
    });
    this.#showPeople();
  }

  #showPeer(peer: Peer): void {
    if (this.#left) return;
    const { user, call, stream } = peer;
    const connected = call?.state === "connected";
    if (!connected) {
      this.#routes.delete(peer);
      this.#codes.delete(peer);
    } else if (!this.#codes.has(peer)) void this.#verify(peer);
    const state = callInWords(peer, this.#routes.get(peer));
    showTile(user.id, {
      name: nameOf(user),
      state: connected ? state : "",
      code: this.#codes.get(peer),
      stream,
      veil: connected ? "" : state,
      muted: user.attributes.microphone === "off",
      whole: user.attributes.picture === "screen",
      mirrored: false,
      silent: false,
    });
    this.#showPeople();
    this.#announce(peer);
  }

  /** Announces who came, and then that the call is connected or the way was lost; nothing in between. */
  #announce(peer: Peer): void {
    const settled = ["connected", "reconnecting"].includes(peer.call?.state ?? "");
    const text = peerInWords(peer);
    if (this.#announced.get(peer) === text || (this.#announced.has(peer) && !settled)) return;
    this.#announced.set(peer, text);
    announce(text);
  }

  #removePeer(peer: Peer, reason: LeaveReason): void {
    if (this.#left) return;
    removeTile(peer.user.id);
    this.#routes.delete(peer);
    this.#codes.delete(peer);
    this.#showPeople();
    const how = reason === LeaveReason.LOST ? "lost the connection" : "left";
    announce(`${nameOf(peer.user)} has ${how}.`);
  }

  #showPeople(): void {
    const { name } = this.#place;
    const others = Array.from(this.#room?.peers.values() ?? [], (peer): Person => {
      return { id: peer.user.id, name: nameOf(peer.user), state: callInWords(peer, this.#routes.get(peer)) };
    });
    showPeople([{ id: "self", name: `${name} (you)`, state: "" }, ...others]);
  }

  /** Finds out the security code of a connected call, and shows it. */
  async #verify(peer: Peer): Promise<void> {
    const { call } = peer;
    if (!call) return;
    const code = await codeOf(call);
    if (peer.call !== call || call.state !== "connected" || this.#codes.get(peer) === code) return;
    this.#codes.set(peer, code);
    this.#showPeer(peer);
  }

  async #measure(): Promise<void> {
    for (const peer of this.#room?.peers.values() ?? []) {
      if (peer.call?.state !== "connected") continue;
      void this.#verify(peer);
      const route = await peer.call.route();
      if (!route || this.#room?.peers.get(peer.user.id) !== peer) continue; // Gone in the meantime.
      this.#routes.set(peer, route);
      this.#showPeer(peer);
    }
  }
}
