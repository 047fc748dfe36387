/** Runs tasks one after the other, each when the one before it has ended. */
export class Serial {
  #last: Promise<void> = Promise.resolve();
  readonly #failed: (error: unknown) => void;

  /** `failed` is told of what a task throws; the tasks after it run all the same. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  run(task: () => void | Promise<void>): void {
    this.#last = this.#last.then(task).catch(this.#failed);
  }
}
