/** When the log is copied to the file, so that it stays short and no thread that serves waits. */
import { PAGES_BEFORE_CHECKPOINT } from "./database.ts";
import type { WriteAheadLog } from "./log.ts";

/** Changes between two checkpoints. */
const EVERY = 256;
export interface CheckpointOptions {
  readonly checkpoint: NonNullable<WriteAheadLog["checkpoint"]>;
  /** Called once; there are no more checkpoints afterwards. */
  readonly failed: (cause: unknown) => void;
}

export class Checkpoints {
  readonly #options: CheckpointOptions;
  #changes = 0;
  #isRunning = false;
  #isLogLong = false;
  #isOver = false;

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  /**
   * To be called after each commit. Returns what the next commit must wait for, if anything: where
   * commits come as fast as they are copied, one of them has to wait for the copy to be complete,
   * because SQLite begins the log anew only in a commit that finds all of it in the file.
   */
  after(changes: number): Promise<void> | undefined {
    this.#changes += changes;
    if (this.#isRunning || this.#isOver) return undefined;
    if (this.#isLogLong) return this.#run();
    if (this.#changes >= EVERY) void this.#run();
    return undefined;
  }

  /** Resolves in any case. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#changes = 0;
    const isComplete = this.#isLogLong;
    try {
      const pages = await this.#options.checkpoint();
      this.#isLogLong = !isComplete && pages >= PAGES_BEFORE_CHECKPOINT;
    } catch (cause) {
      this.#isOver = true;
      this.#options.failed(cause);
    } finally {
      this.#isRunning = false;
    }
  }
}
