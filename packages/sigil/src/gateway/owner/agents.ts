/** Directory of the agents that this gateway has seen since it started. */
import type { Verified } from "l8nt/l402";
import type { Observer } from "../observer.ts";

/** What an agent without a name is called: the holder of a key that was handed down from none. */
export const THE_ROOT = "the root";

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

/** In all. An agent makes as many below it as it likes, so the branch with the most gives way. */
const MAX_AGENTS = 10_000;

export class Agents implements Observer {
  /** By branch, and by id in it: those that were served last are the last. */
  readonly #branches = new Map<string, Map<string, SeenAgent>>();
  readonly #lines = new WeakMap<Verified, readonly SeenAgent[]>();
  #size = 0;

  opened(_row: unknown, verified: Verified): void {
    this.#see(verified, true);
  }

  settled(_row: unknown, verified: Verified | undefined): void {
    this.#see(verified, true);
  }

  denied(_row: unknown, _denial: unknown, verified: Verified | undefined): void {
    this.#see(verified, false);
  }

  /** Parents before what is below them. */
  all(): readonly SeenAgent[] {
    return [...this.#branches.values()]
      .flatMap((branch) => [...branch.values()])
      .sort((a, b) => a.path.length - b.path.length);
  }

  /** The agents that a person may mean: by id, by name, or by the names from the root to it. */
  named(text: string): readonly SeenAgent[] {
    // All of them: an agent may name itself like the id of another one.
    return this.all().filter(
      ({ id, agent, lineage }) =>
        id === text || agent === text || (lineage.join("/") || THE_ROOT) === text,
    );
  }

  /**
   * @param verified undefined of a request that needed no credential
   * @param isServed whether its agents go behind those that were served longer ago
   */
  #see(verified: Verified | undefined, isServed: boolean): void {
    if (verified === undefined) return;
    let line = this.#lines.get(verified);
    if (line === undefined) {
      line = lineOf(verified);
      this.#lines.set(verified, line);
    }
    for (const agent of line) this.#keep(agent, isServed);
    while (this.#size > MAX_AGENTS) this.#forget();
  }

  #keep(agent: SeenAgent, isServed: boolean): void {
    const { id, path } = agent;
    const name = path[1] ?? id;
    let branch = this.#branches.get(name);
    if (branch === undefined) {
      branch = new Map();
      this.#branches.set(name, branch);
    }
    if (!branch.has(id)) this.#size++;
    else if (isServed) branch.delete(id);
    else return;
    branch.set(id, agent);
  }

  /** The one that was served longest ago, of the branch that has the most. */
  #forget(): void {
    let most: readonly [string, Map<string, SeenAgent>] | undefined;
    for (const one of this.#branches)
      if (most === undefined || one[1].size > most[1].size) most = one;
    const [name, branch] = most!;
    const [first] = branch.keys();
    branch.delete(first!);
    this.#size--;
    if (branch.size === 0) this.#branches.delete(name);
  }
}

/** The agents from the root to that of the credential. */
const lineOf = ({ nodes, limits }: Verified): readonly SeenAgent[] =>
  nodes.map(({ id, agent }, depth) => {
    const line = nodes.slice(0, depth + 1);
    return {
      id,
      agent,
      lineage: line.flatMap((node) => node.agent ?? []),
      path: line.map((node) => node.id),
      limits: limits.filter(({ node }) => node.id === id),
    };
  });
