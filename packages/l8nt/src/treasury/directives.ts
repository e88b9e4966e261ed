/**
 * What was revoked and what is frozen, as the store has it: kept in step with every other process
 * on the same books.
 */
import { type Node, refusal } from "../caveat/index.ts";
import { denied, type Refusal } from "../errors.ts";
import { watch } from "../feed/watch.ts";
import type { Authority, Verified } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import { ALL_NODES, type Directive } from "../ports/directives.ts";
import type { Store } from "../ports/store.ts";

/** A log that could not be read for this long: nobody knows what was revoked since. */
const MAX_SILENCE_SECONDS = 5;

export interface DirectivesOptions {
  readonly store: Store;
  readonly authority: Authority;
  readonly clock: Clock;
}

export class Directives {
  readonly #options: DirectivesOptions;
  /** By node, or everything: why. */
  readonly #frozen = new Map<string, string>();
  #seen = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(options: DirectivesOptions) {
    this.#options = options;
  }

  /** Reads what is new. @throws AdapterError `ERR_STORE` */
  read(): Promise<void> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    const { store, clock } = this.#options;
    const at = clock();
    for (const directive of await store.directives(this.#seen)) {
      this.#apply(directive);
      this.#seen = Math.max(this.#seen, directive.seq);
    }
    this.#readAt = at;
  }

  /** Follows what other processes write. Gives what ends it. */
  follow(): () => void {
    return watch(this.#options.store, () => void this.read().catch(() => {}));
  }

  /** Holds in this process at once, and everywhere once it resolves. */
  async issue(directive: Directive): Promise<void> {
    this.#apply(directive);
    await this.#options.store.addDirective(directive);
    await this.read();
  }

  #apply({ kind, nodeId, endsAt, reason = "by its owner" }: Directive): void {
    if (kind === "revoke") this.#options.authority.revocations.revoke(nodeId, endsAt);
    else if (kind === "freeze") this.#frozen.set(nodeId, reason);
    else this.#frozen.delete(nodeId);
  }

  isFrozen(nodeIds: readonly string[]): boolean {
    return [ALL_NODES, ...nodeIds].some((id) => this.#frozen.has(id));
  }

  /** Why everything is frozen; undefined where it is not. */
  get everything(): string | undefined {
    return this.#frozen.get(ALL_NODES);
  }

  /** Spending, not reading. @throws DeniedError `ERR_FROZEN` */
  demandSpending(verified: Verified): void {
    const error = denied(this.#refusals(verified));
    if (error !== undefined) throw error;
  }

  #refusals(verified: Verified): readonly Refusal[] {
    const { store, clock } = this.#options;
    if (store.shared && clock() - this.#readAt > MAX_SILENCE_SECONDS)
      return [frozen(verified.node, "a treasury that cannot read what was revoked")];
    if (this.#frozen.size === 0) return [];
    if (this.#frozen.has(ALL_NODES))
      return [frozen(verified.nodes[0]!, `a treasury that is frozen: ${this.everything}`)];
    return verified.nodes
      .filter(({ id }) => this.#frozen.has(id))
      .map((node) => frozen(node, `an agent that is frozen: ${this.#frozen.get(node.id)}`));
  }
}

const frozen = (node: Node, have: string): Refusal =>
  refusal(node, "frozen", { code: "ERR_FROZEN", have, need: "its owner to thaw it" });
