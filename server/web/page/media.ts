import { pictureOfInitials } from "./initials.js";

/** What one sends: sound, if there is a microphone, and always a picture. */
export class Media {
  /** What is sent at present. */
  readonly stream = new MediaStream();

  readonly #listeners = new Set<Listener>();
  readonly #initials: MediaStreamTrack;
  #microphone: MediaStreamTrack | undefined;
  #camera: MediaStreamTrack | undefined;
  #screen: MediaStreamTrack | undefined;
  #closed = false;

  /** Sends the initials of `name` for a picture, and no sound, until something is switched on. */
  constructor(name: string) {
    this.#initials = pictureOfInitials(name);
    this.stream.addTrack(this.#initials);
  }

  /** Whether the others hear one. */
  get microphone(): boolean {
    return this.#microphone?.enabled ?? false;
  }

  /** What the others see. */
  get picture(): "camera" | "screen" | "initials" {
    if (this.#screen) return "screen";
    return this.#camera ? "camera" : "initials";
  }

  /** Whether the camera is on; the others may be shown the screen in its place. */
  get camera(): boolean {
    return this.#camera !== undefined;
  }

  /** Whether everything was given back. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Switches on camera and microphone, or the one of them that is to be had. @returns what is not, and why. */
  async switchOn(): Promise<Problem[]> {
    try {
      const stream = await devices().getUserMedia({ audio: true, video: cameraWish }); // So that one is asked once.
      if (this.#isLate(stream)) return [];
      this.#useMicrophone(stream.getAudioTracks()[0]!);
      this.#useCamera(stream.getVideoTracks()[0]!);
      return [];
    } catch (error) {
      if (isForbidden(error)) return [{ device: "camera or microphone", error }];
    }
    const problems: Problem[] = [];
    await this.switchMicrophone(true).catch((error: unknown) => problems.push({ device: "microphone", error }));
    await this.switchCamera(true).catch((error: unknown) => problems.push({ device: "camera", error }));
    // Neither is there: one sentence says it.
    if (problems.length === 2) return [{ device: "camera or microphone", error: problems[1]!.error }];
    return problems;
  }

  /** Switches the microphone. @throws DOMException if it is not to be had. */
  async switchMicrophone(on: boolean): Promise<void> {
    if (!this.#microphone) {
      if (!on) return;
      const stream = await devices().getUserMedia({ audio: true });
      if (this.#isLate(stream)) return;
      this.#useMicrophone(stream.getAudioTracks()[0]!);
    } else {
      this.#microphone.enabled = on; // It stays ours, so that it is there at once.
      this.#tell("audio", this.#microphone);
    }
  }

  /** Switches the camera. @throws DOMException if it is not to be had. */
  async switchCamera(on: boolean): Promise<void> {
    if (on === this.camera) return;
    if (on) {
      const stream = await devices().getUserMedia({ video: cameraWish });
      if (this.#isLate(stream)) return;
      this.#useCamera(stream.getVideoTracks()[0]!);
    } else {
      this.#camera?.stop(); // Its light goes off.
      this.#camera = undefined;
      this.#sendPicture();
    }
  }

  /** Shows the others the screen, or no longer. @throws DOMException if it may not be shown. */
  async switchScreen(on: boolean): Promise<void> {
    if (on) {
      const stream = await devices().getDisplayMedia({ video: { frameRate: { max: 15 } } });
      if (this.#isLate(stream)) return;
      const track = stream.getVideoTracks()[0]!;
      track.contentHint = "detail"; // Text should be sharp rather than move smoothly.
      track.onended = () => void this.switchScreen(false); // The browser has a button of its own for this.
      this.#screen = track;
    } else {
      this.#screen?.stop();
      this.#screen = undefined;
    }
    this.#sendPicture();
  }

  /** Has `listener` told when another track is sent, or something was switched, until the returned function is called. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Gives everything back, also what is still asked for. */
  close(): void {
    this.#closed = true;
    for (const track of [this.#microphone, this.#camera, this.#screen, this.#initials]) track?.stop();
  }

  /** Whether a device came after `close`, and then gives it back. */
  #isLate(stream: MediaStream): boolean {
    if (this.#closed) for (const track of stream.getTracks()) track.stop();
    return this.#closed;
  }

  #useMicrophone(track: MediaStreamTrack): void {
    this.#microphone = track;
    track.onended = () => {
      this.#microphone = undefined;
      this.#send("audio", null);
    };
    this.#send("audio", track);
  }

  #useCamera(track: MediaStreamTrack): void {
    this.#camera = track;
    track.onended = () => void this.switchCamera(false); // It was unplugged.
    this.#sendPicture();
  }

  #sendPicture(): void {
    this.#send("video", this.#screen ?? this.#camera ?? this.#initials);
  }

  #send(kind: "audio" | "video", track: MediaStreamTrack | null): void {
    for (const old of this.stream.getTracks()) {
      if (old.kind === kind) this.stream.removeTrack(old);
    }
    if (track) this.stream.addTrack(track);
    this.#tell(kind, track);
  }

  #tell(kind: "audio" | "video", track: MediaStreamTrack | null): void {
    for (const listener of this.#listeners) listener(kind, track);
  }
}

type Listener = (kind: "audio" | "video", track: MediaStreamTrack | null) => void;

/** Something that is not to be had, and the browser's reason. */
export interface Problem {
  device: string;
  error: unknown;
}

/** Whether it is not that a device is missing, but that the page may not use it. */
export function isForbidden(error: unknown): boolean {
  return error instanceof DOMException && ["NotAllowedError", "SecurityError"].includes(error.name);
}

/** Enough for a tile among others, and little enough to be sent to each of them. */
const cameraWish: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { max: 30 } };

function devices(): MediaDevices {
  // A page that came without encryption has none.
  if (!window.isSecureContext) throw new DOMException("not a secure context", "SecurityError");
  return navigator.mediaDevices;
}
