/**
 * How many alerts an hour there are of agents that others made. An agent makes as many below it as
 * it likes, each with a budget that is spent at once, and would fill the owner's webhook.
 */

interface Node {
  readonly id: string;
  readonly agent?: string | undefined;
}

/** Why an alert is not raised. */
export interface Full {
  /** Whether it is the first of this hour. */
  readonly isFirst: boolean;
  readonly why: string;
}

const HOUR_SECONDS = 3600;
/** Of all agents below one child of a root, and of all below a root. */
const MOST = { branch: 60, root: 1000 } as const;

export class Pace {
  readonly #raised = new Map<string, number>();
  #until = 0;

  /**
   * Counts an alert of the last of these nodes. A root's own are not counted: it has only as many
   * limits as its owner gave it.
   *
   * @param nodes root first
   * @param at Unix seconds
   */
  take([root, branch, ...below]: readonly Node[], at: number): Full | undefined {
    if (at >= this.#until || this.#until - at > HOUR_SECONDS) {
      this.#raised.clear();
      this.#until = at + HOUR_SECONDS;
    }
    if (root === undefined || branch === undefined) return undefined;
    return (
      (below.length > 0 ? this.#full(branch, MOST.branch) : undefined) ??
      this.#full(root, MOST.root)
    );
  }

  #full({ id, agent }: Node, most: number): Full | undefined {
    const raised = this.#raised.get(id) ?? 0;
    if (raised <= most) this.#raised.set(id, raised + 1);
    if (raised < most) return undefined;
    const whose = agent === undefined ? `the root ${id}` : `${agent} (${id})`;
    return {
      isFirst: raised === most,
      why: `agents below ${whose} have raised ${most} alerts within an hour, so their next ones are left out until that hour is over`,
    };
  }
}
