/**
 * The parent of each agent in a session of the Claude Agent SDK. Its hooks report that an agent has
 * started, but not which call started it. docs/guides/agents/claude-agent-sdk.md.
 */
import type { SigilHandle } from "../agents/handle.ts";

/** How long a start waits for another one. The program itself gives a hook 60 seconds. */
const WAIT_MS = 30_000;

/** An agent that is about to be started, and the agent that starts it. */
interface Spawn {
  readonly type: string;
  /** The program's id of the agent; undefined for the main thread. */
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

  /** @param agent the program's id of the agent; undefined for the main thread */
  handleOf(agent: string | undefined): SigilHandle {
    if (agent === undefined) return this.#top;
    return (
      this.#agents.get(agent) ?? this.#top.nobody("agent", "an agent whose start was not seen")
    );
  }

  /**
   * Waits until no other parent is starting an agent of the same type, because the two could not be
   * told apart.
   *
   * @returns false after 30 seconds, or when the signal aborts
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

  /** An agent that is resumed starts again, and keeps its handle. */
  started(agent: string, type: string): void {
    const [call, spawn] = [...this.#spawns].find(([, spawn]) => spawn.type === type) ?? [];
    if (call === undefined || this.#agents.has(agent)) return;
    // Never `handTo`: an agent that a child starts is below it, even if an agent above has that
    // name.
    this.#agents.set(agent, this.handleOf(spawn!.by).forAgent(type));
    this.ended(call);
  }

  /** The call that was to start an agent has started it, or has failed. */
  ended(call: string): void {
    if (!this.#spawns.delete(call)) return;
    for (const wake of [...this.#waiting]) wake();
  }

  /** All calls of one message have ended. A call that another hook denied ends without an event. */
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
