import { FoundCandidates, HeldCandidates } from "./candidates.js";
import { Serial } from "./serial.js";

/** An offer of the other side. */
export interface Offer {
  readonly callId: string;
  readonly sdp: string;
}

/** What a negotiation says to the other side, and tells its call. */
export interface Outlet {
  offer(sdp: string): void;
  answer(sdp: string): void;
  candidates(candidates: RTCIceCandidateInit[]): void;
  /** An offer came that this side does not take, since its own goes first. */
  ignored(offer: Offer): void;
  /** The other side's answer was applied. */
  agreed(): void;
  /** A description could not be made or applied. */
  failed(error: unknown): void;
}

/**
 * The pattern "perfect negotiation" (W3C WebRTC 1.0, section 10.7) on one connection.
 *
 * The flags of the pattern are not needed here, since one task at a time has the connection: making an offer, or dealing
 * with one message. Between tasks `signalingState` alone tells whether an offer of this side's is on its way.
 */
export class Negotiation {
  readonly #pc: RTCPeerConnection;
  readonly #polite: boolean;
  readonly #outlet: Outlet;
  readonly #tasks: Serial;
  readonly #found: FoundCandidates;
  readonly #held: HeldCandidates;
  #callId: string;
  #begun: boolean;

  /** `begun`: this side makes the first offer. Otherwise it makes none before it has answered one. */
  constructor(
    pc: RTCPeerConnection,
    { callId, polite, begun }: { callId: string; polite: boolean; begun: boolean },
    outlet: Outlet,
  ) {
    this.#pc = pc;
    this.#callId = callId;
    this.#polite = polite;
    this.#begun = begun;
    this.#outlet = outlet;
    this.#tasks = new Serial((error) => {
      if (pc.signalingState !== "closed") outlet.failed(error);
    });
    this.#found = new FoundCandidates(pc, () => this.#run(() => this.#sendCandidates()));
    this.#held = new HeldCandidates(pc);
    pc.addEventListener("negotiationneeded", () => this.#run(() => this.#makeOffer()));
  }

  /** The call's id: that of the offer taken last, which is another than at first if both sides called at once. */
  get callId(): string {
    return this.#callId;
  }

  /** Deals with an offer of the other side: takes and answers it, or ignores it. */
  takeOffer(offer: Offer): void {
    this.#run(async () => {
      const collision = this.#pc.signalingState !== "stable";
      if (collision && !this.#polite) {
        this.#outlet.ignored(offer);
        return;
      }
      this.#begun = true;
      this.#callId = offer.callId;
      await this.#pc.setRemoteDescription({ type: "offer", sdp: offer.sdp }); // Rolls back an offer of this side's.
      await this.#held.release();
      await this.#pc.setLocalDescription();
      this.#outlet.answer(this.#pc.localDescription!.sdp);
    });
  }

  /** Applies an answer of the other side. */
  takeAnswer({ callId, sdp, provisional }: { callId: string; sdp: string; provisional: boolean }): void {
    this.#run(async () => {
      // Perhaps the answer is to an offer that was rolled back.
      if (callId !== this.#callId || this.#pc.signalingState === "stable") return;
      await this.#pc.setRemoteDescription({ type: provisional ? "pranswer" : "answer", sdp });
      await this.#held.release();
      if (!provisional) this.#outlet.agreed();
    });
  }

  /** Applies candidates of the other side, or keeps them for the description that they belong to. */
  takeCandidates(candidates: readonly RTCIceCandidateInit[]): void {
    this.#run(() => this.#held.add(candidates));
  }

  /** Makes an offer once more that may have been lost. One that was not is answered twice, which changes nothing. */
  repeatOffer(): void {
    this.#run(() => {
      if (this.#pc.signalingState === "have-local-offer") this.#outlet.offer(this.#pc.localDescription!.sdp);
    });
  }

  /** Does what a message with that call id asks for, once the messages before it were dealt with, if it is this call's. */
  inTurn(callId: string, task: () => void): void {
    this.#run(() => {
      if (callId === this.#callId) task();
    });
  }

  async #makeOffer(): Promise<void> {
    // If it is the other side's turn, the browser will say once more that negotiation is needed.
    if (!this.#begun || this.#pc.signalingState !== "stable") return;
    await this.#pc.setLocalDescription();
    this.#outlet.offer(this.#pc.localDescription!.sdp);
  }

  #sendCandidates(): void {
    const candidates = this.#found.take();
    if (candidates.length > 0) this.#outlet.candidates(candidates);
  }

  #run(task: () => void | Promise<void>): void {
    this.#tasks.run(() => {
      if (this.#pc.signalingState !== "closed") return task();
    });
  }
}
