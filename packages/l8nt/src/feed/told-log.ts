/** A log of directives that tells its readers in this process at once what this process writes. */
import type { Directive, DirectiveLog, NumberedDirective } from "../ports/directives.ts";

export class ToldLog implements DirectiveLog {
  readonly #log: DirectiveLog;
  readonly #listeners = new Set<() => void>();

  constructor(log: DirectiveLog) {
    this.#log = log;
  }

  async addDirective(directive: Directive): Promise<number> {
    const seq = await this.#log.addDirective(directive);
    for (const listener of this.#listeners) listener();
    return seq;
  }

  directives(after: number): Promise<readonly NumberedDirective[]> {
    return this.#log.directives(after);
  }

  /** Calls `listener` for the directives of other processes, and at once for those of this one. */
  onDirective(listener: () => void): () => void {
    this.#listeners.add(listener);
    const end = this.#log.onDirective?.(listener);
    return () => {
      this.#listeners.delete(listener);
      end?.();
    };
  }
}
