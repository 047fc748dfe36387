/** How many intervals may pass without a word from the server. */
const patience = 3;

/** How much of an interval has passed when a ping is due, if there is an occasion before the timer. */
const due = 0.9;

/** What a Heartbeat calls. */
export interface Pulse {
  /** Time to send a ping. */
  ping(): void;
  /** Nothing was heard for `milliseconds`, which is too long. */
  silent(milliseconds: number): void;
  /** Milliseconds from some point in the past, steadily rising. */
  now(): number;
}

/**
 * Keeps both sides of a session sure of each other: sends a ping every interval, and notices when the server is silent
 * for three.
 *
 * In a page that is not seen timers come late, once a minute or not at all, while messages still arrive. So a message is
 * an occasion to ping, too: the server sends one each interval. And silence counts only while timers are on time: when
 * one was late, perhaps because the whole machine slept, the server gets three new intervals.
 */
export class Heartbeat {
  readonly #interval: number;
  readonly #pulse: Pulse;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer is to come. */
  #expected = 0;
  #pinged = 0;
  #heard = 0;

  /** `interval` is in milliseconds; 0 is none. */
  constructor(interval: number, pulse: Pulse) {
    this.#interval = interval;
    this.#pulse = pulse;
    if (interval <= 0) return;
    this.#heard = this.#pinged = pulse.now();
    this.#arm(this.#pinged);
  }

  /** Takes down that the server was heard of. */
  heard(): void {
    if (this.#timer === undefined) return;
    const now = this.#pulse.now();
    this.#heard = now;
    if (now - this.#pinged >= due * this.#interval) this.#beat(now);
  }

  /** Ends it. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const now = this.#pulse.now();
    if (now - this.#expected > this.#interval / 2) {
      this.#heard = now;
    } else if (now - this.#heard >= patience * this.#interval) {
      this.stop();
      this.#pulse.silent(patience * this.#interval);
      return;
    }
    this.#beat(now);
  }

  #beat(now: number): void {
    clearTimeout(this.#timer);
    this.#pinged = now;
    this.#arm(now);
    this.#pulse.ping();
  }

  #arm(now: number): void {
    this.#expected = now + this.#interval;
    this.#timer = setTimeout(() => this.#tick(), this.#interval);
  }
}
