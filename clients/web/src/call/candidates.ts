/** How long found candidates wait for others, in milliseconds, so that they travel in one message. */
const coalesce = 20;

/** How many candidates may wait for their description. A generation has some dozens at most. */
const maxHeld = 256;

/** Collects the candidates that a connection finds, for the other side. */
export class FoundCandidates {
  readonly #pc: RTCPeerConnection;
  readonly #due: () => void;
  #found: RTCIceCandidateInit[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `due` is called when it is time to take what was found. */
  constructor(pc: RTCPeerConnection, due: () => void) {
    this.#pc = pc;
    this.#due = due;
    pc.addEventListener("icecandidate", ({ candidate }) => {
      // Null says that there are no more at all. An empty candidate, which not every browser has, says less.
      if (candidate === null) this.#add({ candidate: "", usernameFragment: ufrags(pc.localDescription)[0] ?? null });
      else if (candidate.candidate !== "") this.#add(candidate.toJSON());
    });
  }

  /** Takes what was found, but for candidates of a description that was rolled back. */
  take(): RTCIceCandidateInit[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const found = this.#found;
    this.#found = [];
    return found.filter((candidate) => belongs(candidate, this.#pc.localDescription));
  }

  #add(candidate: RTCIceCandidateInit): void {
    this.#found.push(candidate);
    this.#timer ??= setTimeout(this.#due, coalesce);
  }
}

/** Holds the candidates of the other side until the connection knows the description that they belong to. */
export class HeldCandidates {
  readonly #pc: RTCPeerConnection;
  #held: RTCIceCandidateInit[] = [];

  constructor(pc: RTCPeerConnection) {
    this.#pc = pc;
  }

  /** Gives the connection those of `candidates` that it can use already, and holds the others. */
  async add(candidates: readonly RTCIceCandidateInit[]): Promise<void> {
    this.#held.push(...candidates);
    await this.release();
    // What is left came before its description, or belongs to an offer that was ignored. The oldest go first.
    this.#held = this.#held.slice(-maxHeld);
  }

  /** Gives the connection what it can use now. To be called when a description was applied. */
  async release(): Promise<void> {
    const description = this.#pc.remoteDescription;
    const usable = this.#held.filter((candidate) => belongs(candidate, description));
    this.#held = this.#held.filter((candidate) => !belongs(candidate, description));
    // A candidate that the browser cannot read is one path less, not the end of the call.
    await Promise.all(usable.map((candidate) => this.#pc.addIceCandidate(candidate).catch(() => {})));
  }
}

/** Whether a candidate is of the ICE generation that a description is about. */
function belongs(candidate: RTCIceCandidateInit, description: RTCSessionDescription | null): boolean {
  const ufrag = candidate.usernameFragment ?? / ufrag (\S+)/.exec(candidate.candidate ?? "")?.[1];
  return description !== null && (ufrag === undefined || ufrags(description).includes(ufrag));
}

/** The ICE username fragments of a description: one for all of its sections, or one for each. */
function ufrags(description: RTCSessionDescription | null): string[] {
  return Array.from(description?.sdp.matchAll(/^a=ice-ufrag:(\S+)/gm) ?? [], (match) => match[1]!);
}
