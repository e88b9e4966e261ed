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
import type { Usage } from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";
import { type NodeOutline, type NodePlace, type NodeRecord, placeOf } from "../ports/nodes.ts";
import { type NodeFilter, PAGE_ROWS } from "../ports/owner.ts";
import type { Store } from "../ports/store.ts";
import type { NodePage, NodeStanding, PageQuery } from "../ports/treasury.ts";
import type { SpendingGate } from "./gate.ts";
import { FIRST, placeIn, placeText } from "./node-place.ts";
import { Families, MAX_NODES } from "./node-shares.ts";

/** How many records are written before the surplus is forgotten again. */
const SLACK = 500;
/** How many records are read, or forgotten, before other requests have their turn. [case 118] */
const STEP_NODES = 25;
/** How many outlines are read in one turn. */
const STEP_OUTLINES = 200;
/** How many counters are looked up in one turn: one node may have 66. */
const STEP_COUNTERS = 250;
/** How much one page may be, in characters of what its nodes are described by. */
const PAGE_TEXT = 512 * 1024;
/** A clock that is set back by less than this finds no node ended that lives. */
const CLOCK_MARGIN_SECONDS = 86_400;

/** Who asks. An owner does not wait behind the pages of agents, nor does a look at one chain. */
type Asker = "owner" | "agents" | "chains";

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

  /** What takes long of all requests: one step of each asker in a turn of the event loop. */
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
    const { nodes } = verified;
    const fresh = nodes.filter(({ id }) => this.#met.get(id) === undefined);
    if (fresh.length === 0) return;
    try {
      // The whole chain: one above may be forgotten, and none is listed without its parent.
      await this.#options.store.meet(nodes.map((_, depth) => recordOf(verified, depth, now)));
    } catch {
      return;
    }
    for (const { id } of fresh) this.#met.set(id, true);
    this.#untilTrim -= fresh.length;
    if (this.#untilTrim > 0) return;
    // Records that come faster than the surplus is forgotten wait for it.
    const isLate = this.#trimming !== undefined && this.#untilTrim < -SLACK;
    if (isLate) await this.#trimming;
    if (this.#trimming !== undefined) return;
    this.#untilTrim = SLACK;
    this.#trimming = this.#trim(now).finally(() => {
      this.#trimming = undefined;
    });
  }

  /** Resolves once the surplus that is being forgotten is forgotten. */
  async settled(): Promise<void> {
    await this.#trimming;
  }

  /** What cannot be forgotten now is forgotten later. */
  async #trim(now: number): Promise<void> {
    const { store } = this.#options;
    const families = new Families((node) => this.#hasEnded(node, now));
    try {
      let after: NodePlace | undefined;
      for (let isLast = false; !isLast; ) {
        const outlines = await store.nodeOutlines({ after, limit: STEP_OUTLINES });
        families.add(outlines);
        after = outlines.length > 0 ? placeOf(outlines.at(-1)!) : after;
        isLast = outlines.length < STEP_OUTLINES;
        await nextTurn();
      }
      const work = families.surplus();
      let step = work.next();
      for (; !step.done; step = work.next()) await nextTurn();
      for (let at = 0; at < step.value.length; at += STEP_NODES) {
        await store.forgetNodes(step.value.slice(at, at + STEP_NODES));
        await nextTurn();
      }
    } catch {}
  }

  /** Records a child that is revoked by its caveats, maybe before it spends. */
  async revoked(ancestor: Verified, caveats: readonly string[]): Promise<void> {
    const child = ancestor.credential.append(caveats);
    await this.spent(this.#options.authority.verifier.authenticate(child));
  }

  /** The node of a credential and its ancestors, root first. */
  async chain(verified: Verified, now: number): Promise<readonly NodeStanding[]> {
    const records = verified.nodes.map((_node, depth) => recordOf(verified, depth, now));
    return this.#standings("chains", records, now);
  }

  /** A page of a credential's node and all below it that have spent, parents first. */
  async belowOf(verified: Verified, query: PageQuery, now: number): Promise<NodePage> {
    const own = recordOf(verified, verified.nodes.length - 1, now);
    return this.#page("agents", query, now, own.id, own);
  }

  /** A page of a node and all below it, parents first; of every node without a node. */
  async below({ nodeId, ...query }: NodeFilter, now: number): Promise<NodePage> {
    return this.#page("owner", query, now, nodeId);
  }

  /** @param own is listed first if the book has no record of it */
  async #page(
    asker: Asker,
    { after: from, limit = PAGE_ROWS }: PageQuery,
    now: number,
    under: string | undefined,
    own?: NodeRecord,
  ): Promise<NodePage> {
    const nodes: NodeStanding[] = [];
    let text = 0;
    let after = from === undefined ? undefined : placeIn(from);
    while (nodes.length < limit && text < PAGE_TEXT) {
      const many = Math.min(STEP_NODES, limit - nodes.length);
      const read = await this.#step(asker, () =>
        this.#options.store.nodes({ under, after, limit: many }),
      );
      const isMissing = own !== undefined && after === undefined && read[0]?.id !== own.id;
      const records = isMissing ? [own, ...read].slice(0, many) : read;
      nodes.push(...(await this.#standings(asker, records, now)));
      if (read.length < many) return { nodes };
      const last = records.at(-1)!;
      after = last === own ? FIRST : placeOf(last);
      text += records.reduce((sum, record) => sum + textIn(record), 0);
    }
    return { nodes, next: placeText(after!) };
  }

  /** Runs `work` in a turn of the event loop in which no other step of this asker runs. */
  #step<Result>(asker: Asker, work: () => Promise<Result>): Promise<Result> {
    // One after the other: many requests at once would read the whole directory in one turn.
    return this.#steps.take(asker, async () => {
      await nextTurn();
      return work();
    });
  }

  async #standings(
    asker: Asker,
    records: readonly NodeRecord[],
    now: number,
  ): Promise<readonly NodeStanding[]> {
    const found: NodeStanding[] = [];
    for (let at = 0; at < records.length; ) {
      const part: NodeRecord[] = [];
      for (let counters = 0; at < records.length; at++) {
        counters += countersOf(records[at]!).length;
        if (part.length > 0 && counters > STEP_COUNTERS) break;
        part.push(records[at]!);
      }
      found.push(...(await this.#step(asker, () => this.#look(part, now))));
    }
    return found;
  }

  /** In one look-up for all. */
  async #look(records: readonly NodeRecord[], now: number): Promise<readonly NodeStanding[]> {
    const usages = await this.#options.store.usage(records.flatMap(countersOf), now);
    let from = 0;
    return records.map((record) => {
      const own = usages.slice(from, from + countersOf(record).length);
      from += own.length;
      return this.#standing(record, own, now);
    });
  }

  #standing(record: NodeRecord, usages: readonly Usage[], now: number): NodeStanding {
    const { id, agent, path, caveats, limits, unlisted } = record;
    const used = usages.slice(usages.length - limits.length);
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

/** A node's totals, and then its own limits. */
const countersOf = ({ id, limits }: NodeRecord): readonly Counted[] => [
  ...nodeTotals(id),
  ...limits,
];

/** About how many characters describe a node in an answer. */
const textIn = ({ caveats, limits }: NodeRecord): number =>
  500 + 100 * limits.length + caveats.reduce((sum, caveat) => sum + caveat.length, 0);

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
