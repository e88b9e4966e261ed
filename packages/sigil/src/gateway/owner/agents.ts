/** Directory of the agents that this gateway has seen since it started. */
import type { Verified } from "l8nt/l402";
import type { Observer } from "../observer.ts";

export interface SeenAgent {
  readonly id: string;
  /** The root has none. */
  readonly agent: string | undefined;
  /** The names from the root to this agent. */
  readonly lineage: readonly string[];
  /** The ids from the root to this agent. */
  readonly path: readonly string[];
  /** Its own limits, as its caveats have them. */
  readonly limits: Verified["limits"];
}

/** An agent makes as many below it as it likes, so the ones that came first are forgotten. */
const MAX_AGENTS = 10_000;

export class Agents implements Observer {
  readonly #agents = new Map<string, SeenAgent>();
  readonly #seen = new WeakSet<Verified>();

  opened(_row: unknown, verified: Verified): void {
    this.#see(verified);
  }

  settled(_row: unknown, verified: Verified | undefined): void {
    this.#see(verified);
  }

  denied(_row: unknown, _denial: unknown, verified: Verified | undefined): void {
    this.#see(verified);
  }

  /** Parents before what is below them. */
  all(): readonly SeenAgent[] {
    return [...this.#agents.values()].sort((a, b) => a.path.length - b.path.length);
  }

  /** The agents that a person may mean: by id, by name, or by the names from the root to it. */
  named(text: string): readonly SeenAgent[] {
    // All of them: an agent may name itself like the id of another one.
    return this.all().filter(
      ({ id, agent, lineage }) => id === text || agent === text || lineage.join("/") === text,
    );
  }

  /** @param verified undefined of a request that needed no credential */
  #see(verified: Verified | undefined): void {
    if (verified === undefined || this.#seen.has(verified)) return;
    this.#seen.add(verified);
    const { nodes, limits } = verified;
    for (const [depth, { id, agent }] of nodes.entries()) {
      const line = nodes.slice(0, depth + 1);
      // Behind those that were seen longer ago.
      this.#agents.delete(id);
      this.#agents.set(id, {
        id,
        agent,
        lineage: line.flatMap((node) => node.agent ?? []),
        path: line.map((node) => node.id),
        limits: limits.filter(({ node }) => node.id === id),
      });
    }
    for (const id of this.#agents.keys()) {
      if (this.#agents.size <= MAX_AGENTS) break;
      this.#agents.delete(id);
    }
  }
}
