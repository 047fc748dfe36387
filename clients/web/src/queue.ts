/** Items on their way from somebody who has them to somebody who asks for the next, in order. */
export class Queue<T> implements AsyncIterableIterator<T> {
  readonly #items: T[] = [];
  /** Those who wait for something to happen. */
  #waiting: (() => void)[] = [];
  #ended = false;
  #error: unknown;

  /** How many items wait. */
  get size(): number {
    return this.#items.length;
  }

  /** Adds an item; after the end, nothing. */
  push(item: T): void {
    if (this.#ended) return;
    this.#items.push(item);
    this.#wake();
  }

  /** Nothing more will come. What waits can still be taken; after it comes the error, once, if there is one. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake();
  }

  /** Takes all that waits. */
  drain(): T[] {
    return this.#items.splice(0);
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    while (this.#items.length === 0) {
      if (this.#ended) {
        const error = this.#error;
        this.#error = undefined;
        if (error !== undefined) throw error;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return { done: false, value: this.#items.shift() as T };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
