/** One at a time for each key: who comes second waits, and then looks again. [cases 63, 80] */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` once everyone who came before for this key is done. */
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
