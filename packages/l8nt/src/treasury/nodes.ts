/**
 * Directory of the nodes that have spent. Agents are never registered, and a free request leaves no
 * record. spec/4-purchase.md §7.
 */
import { Lru } from "../internal/lru.ts";
import { nextTurn } from "../internal/timers.ts";
import { Turns } from "../internal/turns.ts";
import type { Authority, Verified } from "../l402/index.ts";
import { nodeTotals, spentOf } from "../ledger/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { NodeOutline, NodeRecord } from "../ports/nodes.ts";
import type { Store } from "../ports/store.ts";
import type { NodeStanding } from "../ports/treasury.ts";
import type { SpendingGate } from "./gate.ts";
import { MAX_NODES, surplusOf } from "./node-shares.ts";

/** How many records are written before the surplus is forgotten again. */
const SLACK = 500;
/** A read is never cut below what may be there: the surplus, and roots beyond the bound. */
const MAX_READ = 2 * MAX_NODES;
/** How many nodes are looked up before other requests have their turn. [case 118] */
const STEP = 50;
/** A clock that is set back by less than this finds no node ended that lives. */
const CLOCK_MARGIN_SECONDS = 86_400;

export interface NodeDirectoryOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly authority: Authority;
  readonly gate: SpendingGate;
}

export class NodeDirectory {
  readonly #options: NodeDirectoryOptions;
  /** The nodes that are in the store already. */
  readonly #met = new Lru<string, true>(MAX_NODES);

  /** What takes long of all requests: one step in each turn of the event loop. */
  readonly #steps = new Turns();

  /** Processes may end before they write as many records as `SLACK`, so each begins with a look. */
  #untilTrim = 1;
  #trimming: Promise<void> | undefined;

  constructor(options: NodeDirectoryOptions) {
    this.#options = options;
  }

  /**
   * Records every node on the chain of a credential that has spent. Never fails: only the tree
   * needs it, and a node that is missing is recorded when it spends again.
   */
  async spent(verified: Verified): Promise<void> {
    const now = this.#options.clock();
    const fresh = verified.nodes.flatMap(({ id }, depth) =>
      this.#met.get(id) ? [] : [recordOf(verified, depth, now)],
    );
    if (fresh.length === 0) return;
    try {
      await this.#options.store.meet(fresh);
    } catch {
      return;
    }
    for (const { id } of fresh) this.#met.set(id, true);
    this.#untilTrim -= fresh.length;
    if (this.#untilTrim > 0) return;
    this.#untilTrim = SLACK;
    this.#trimming ??= this.#trim(now).finally(() => {
      this.#trimming = undefined;
    });
    await this.#trimming;
  }

  /** What cannot be forgotten now is forgotten later. */
  async #trim(now: number): Promise<void> {
    const { store } = this.#options;
    try {
      const ended = (node: NodeOutline) => this.#hasEnded(node, now);
      const surplus = surplusOf(await store.nodeOutlines(), ended);
      if (surplus.length > 0) await store.forgetNodes(surplus);
    } catch {}
  }

  /** Records a child that is revoked by its caveats, maybe before it spends. */
  async revoked(ancestor: Verified, caveats: readonly string[]): Promise<void> {
    const child = ancestor.credential.append(caveats);
    await this.spent(this.#options.authority.verifier.authenticate(child));
  }

  /** The node of a credential and its ancestors, root first. */
  async chain(verified: Verified, now: number): Promise<readonly NodeStanding[]> {
    const depths = verified.nodes.map((_node, depth) => depth);
    return this.#inSteps(depths, (depth) => this.#standing(recordOf(verified, depth, now), now));
  }

  /** A credential's node and all below it that have spent, parents first. */
  async belowOf(verified: Verified, now: number): Promise<readonly NodeStanding[]> {
    const { id } = verified.node;
    const below = await this.below(id, now);
    if (below[0]?.id === id) return below;
    const own = recordOf(verified, verified.nodes.length - 1, now);
    return [await this.#standing(own, now), ...below];
  }

  /** A node and all below it, parents first; every node if `nodeId` is undefined. */
  async below(nodeId: string | undefined, now: number): Promise<readonly NodeStanding[]> {
    // One after the other: many requests at once would read the whole directory in one turn.
    const records = await this.#steps.take("", async () => {
      await nextTurn();
      return listed(await this.#options.store.nodes(nodeId, MAX_READ));
    });
    return this.#inSteps(records, (record) => this.#standing(record, now));
  }

  /** A few nodes are looked up at once; many by steps. */
  async #inSteps<From, To>(
    all: readonly From[],
    look: (one: From) => Promise<To>,
  ): Promise<readonly To[]> {
    if (all.length <= STEP) return Promise.all(all.map(look));
    const found: To[] = [];
    for (let at = 0; at < all.length; at += STEP) {
      const step = await this.#steps.take("", async () => {
        await nextTurn();
        return Promise.all(all.slice(at, at + STEP).map(look));
      });
      found.push(...step);
    }
    return found;
  }

  async #standing(record: NodeRecord, now: number): Promise<NodeStanding> {
    const { id, agent, path, caveats, limits, unlisted } = record;
    const totals = nodeTotals(id);
    const usages = await this.#options.store.usage([...totals, ...limits], now);
    const used = usages.slice(totals.length);
    return {
      id,
      ...(agent !== undefined && { agent }),
      ...(path.length > 1 && { parentId: path.at(-2)! }),
      state: this.#state(record, now),
      caveats,
      spent: spentOf(usages),
      limits: limits.map(({ condition, unit, max, windowSeconds }, at) => ({
        condition,
        ...(unit !== undefined && { unit }),
        max,
        used: used[at]!.used,
        ...(windowSeconds !== undefined && { windowSeconds }),
      })),
      ...(unlisted !== undefined && { more: unlisted }),
    };
  }

  #hasEnded({ path, validUntil }: NodeOutline, now: number): boolean {
    const { revocations } = this.#options.authority;
    if (path.some((id) => revocations.has(id))) return true;
    return validUntil !== undefined && validUntil + CLOCK_MARGIN_SECONDS <= now;
  }

  #state({ path, validUntil }: NodeRecord, now: number): NodeStanding["state"] {
    const { authority, gate } = this.#options;
    if (path.some((id) => authority.revocations.has(id))) return "revoked";
    if (validUntil !== undefined && validUntil <= now) return "expired";
    return gate.isFrozen(path) ? "frozen" : "active";
  }
}

/** Counts a node whose parent was forgotten at the nearest node above it, and does not list it. */
function listed(records: readonly NodeRecord[]): readonly NodeRecord[] {
  const shown = new Map<string, NodeRecord>();
  for (const record of records) {
    const above = record.path.findLast((id) => id !== record.id && shown.has(id));
    if (above === undefined || above === record.path.at(-2)) shown.set(record.id, record);
    else {
      const node = shown.get(above)!;
      const unlisted = (node.unlisted ?? 0) + (record.unlisted ?? 0) + 1;
      shown.set(above, { ...node, unlisted });
    }
  }
  return [...shown.values()];
}

function recordOf(verified: Verified, depth: number, metAt: number): NodeRecord {
  const { id, agent } = verified.nodes[depth]!;
  const line = verified.nodes.slice(0, depth + 1);
  const validUntil = verified.chain.validUntilOf(line.at(-1)!);
  return {
    id,
    ...(agent !== undefined && { agent }),
    path: line.map((node) => node.id) as unknown as NodeRecord["path"],
    caveats: verified.caveats
      .filter(({ node, isSecret }) => node.id === id && !isSecret)
      .map(({ condition, value }) => `${condition}=${value}`),
    limits: verified.limits
      .filter(({ node }) => node.id === id)
      .map(({ node: _, ...limit }) => limit),
    ...(validUntil !== undefined && { validUntil }),
    metAt,
  };
}
