/**
 * Who started whom in the Claude Agent SDK, whose hooks say that an agent has started, but not by
 * which call of whose.
 */
import type { SigilHandle } from "../agents/handle.ts";

/** For a start that nobody hears of; the program itself gives a hook 60 seconds. */
const WAIT_MS = 30_000;

/** An agent that is about to be started, and by whom. */
interface Spawn {
  readonly type: string;
  /** The program's id of it; undefined for the main thread. */
  readonly by: string | undefined;
}

export class Lineage {
  readonly #top: SigilHandle;
  readonly #agents = new Map<string, SigilHandle>();
  readonly #spawns = new Map<string, Spawn>();
  readonly #waiting = new Set<() => void>();

  constructor(top: SigilHandle) {
    this.#top = top;
  }

  /** @param agent the program's id of it; undefined for the main thread */
  handleOf(agent: string | undefined): SigilHandle {
    if (agent === undefined) return this.#top;
    return (
      this.#agents.get(agent) ?? this.#top.nobody("agent", "an agent whose start was not seen")
    );
  }

  /**
   * Waits for its turn: two agents of one type that two parents start at once could not be told
   * apart.
   *
   * @returns false where the turn did not come
   */
  async mayStart(call: string, spawn: Spawn, signal: AbortSignal): Promise<boolean> {
    const end = Date.now() + WAIT_MS;
    const parent = this.handleOf(spawn.by);
    const another = ({ type, by }: Spawn) => type === spawn.type && this.handleOf(by) !== parent;
    while ([...this.#spawns.values()].some(another)) {
      const left = end - Date.now();
      if (signal.aborted || left <= 0) return false;
      await this.#change(left, signal);
    }
    this.#spawns.set(call, spawn);
    return true;
  }

  /** One that goes on after its end starts again, and is who it was. */
  started(agent: string, type: string): void {
    const [call, spawn] = [...this.#spawns].find(([, spawn]) => spawn.type === type) ?? [];
    if (call === undefined || this.#agents.has(agent)) return;
    // Never `handTo`: whom a child starts is below it, also where it has the name of one above.
    this.#agents.set(agent, this.handleOf(spawn!.by).forAgent(type));
    this.ended(call);
  }

  /** The call that was to start an agent has started it, or failed. */
  ended(call: string): void {
    if (!this.#spawns.delete(call)) return;
    for (const wake of [...this.#waiting]) wake();
  }

  /**
   * All calls of one message have ended: what was denied by somebody else's hook ends without a
   * word.
   */
  allEnded(agent: string | undefined): void {
    for (const [call, { by }] of [...this.#spawns]) if (by === agent) this.ended(call);
  }

  #change(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener("abort", wake);
      this.#waiting.add(wake);
    });
  }
}
