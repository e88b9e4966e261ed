/** A queue for each key, which runs one piece of work at a time. [cases 63, 80] */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` after all work that was queued before it under `key`, failed or not. */
  async take<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const turn = before.then(work, work);
    const settled = turn.then(
      () => {},
      () => {},
    );
    this.#last.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}
