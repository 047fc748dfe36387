import type { EndError } from "./errors.js";
import type { Event } from "./event.js";
import { Queue } from "./queue.js";

/**
 * Who hears of the events: listeners at once, loops when they ask for the next. While there is neither, events wait for
 * the first that comes. What waits has a bound.
 */
export class Audience {
  readonly #bound: number;
  readonly #overflow: () => void;
  readonly #listeners = new Set<(event: Event) => void>();
  /** Their listeners are among the others. */
  readonly #loops = new Set<Queue<Event>>();
  /** What waits for somebody to come. */
  #early: Event[] = [];
  /** Once the session has ended: how. */
  #end: { error: EndError | undefined } | undefined;

  /** `overflow` is called when more than `bound` events wait in one place. */
  constructor(bound: number, overflow: () => void) {
    this.#bound = bound;
    this.#overflow = overflow;
  }

  /** Tells everybody of an event. */
  tell(event: Event): void {
    if (this.#listeners.size > 0 && this.#early.length === 0) {
      this.#tellNow(event);
      return;
    }
    this.#early.push(event);
    if (this.#early.length > this.#bound) this.#overflow();
  }

  /** There will be no more events. Loops go on to what waits, then end, with an error if there is one. */
  end(error: EndError | undefined): void {
    this.#end = { error };
    this.#endLoops();
  }

  /** Adds a listener. What came before there was any follows in a microtask. @returns what takes it away again. */
  add(listener: (event: Event) => void): () => void {
    // A function of its own, so that the same listener can be added twice.
    const entry = (event: Event): void => listener(event);
    this.#listeners.add(entry);
    if (this.#early.length > 0) queueMicrotask(() => this.#catchUp());
    return () => void this.#listeners.delete(entry);
  }

  /** Gives each event from now on and, before them, those that waited for somebody to come. */
  loop(): AsyncIterableIterator<Event> {
    const queue = new Queue<Event>();
    const remove = this.add((event) => {
      queue.push(event);
      if (queue.size > this.#bound) this.#overflow();
    });
    this.#loops.add(queue);
    this.#endLoops();
    return {
      next: () => queue.next(),
      // When the loop is left, what it had not taken waits for whoever comes next, unless others have heard it.
      return: async () => {
        remove();
        this.#loops.delete(queue);
        const rest = queue.drain();
        queue.end();
        if (this.#listeners.size === 0) this.#early.unshift(...rest);
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #catchUp(): void {
    while (this.#listeners.size > 0) {
      const event = this.#early.shift();
      if (event === undefined) break;
      this.#tellNow(event);
    }
    this.#endLoops();
  }

  #endLoops(): void {
    if (this.#end === undefined || this.#early.length > 0) return;
    for (const queue of this.#loops) queue.end(this.#end.error);
  }

  #tellNow(event: Event): void {
    for (const listener of [...this.#listeners]) {
      try {
        if (this.#listeners.has(listener)) listener(event);
      } catch (error) {
        // A listener's mistake is not the others': it is reported as an uncaught error.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
