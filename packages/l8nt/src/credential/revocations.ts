/**
 * The list of revoked nodes that a verifier's credentials are judged by. spec/1-credential.md §6.
 */
import { type Denial, type Node, refusal } from "../caveat/index.ts";
import { AdapterError, type DeniedError, denied, type Refusal } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { PassedTime } from "../internal/passed-time.ts";
import { later, type Timer } from "../internal/timers.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import { ALL_NODES } from "../ports/directives.ts";
import { Freezes } from "./freezes.ts";
import { NodeWatches } from "./node-watches.ts";

/** After this many additions, entries that have ended are removed. */
const SWEEP_EVERY = 1024;
/**
 * Every revocation by a holder has to be remembered, so each node's holders get a limited number.
 */
const MAX_BY_NODE = 1000;
/** How many nodes the holders of one tree revoke in all. */
const MAX_IN_TREE = 20_000;
/**
 * For each of the first steps from the root, everything that one node may revoke is kept: whatever
 * nodes further down revoke, the nodes above them have all of their own.
 */
const WHOLE_STEPS = 16;
/** How many are kept for each step after these: a credential has at most 64 caveats. */
const KEPT_PER_STEP = 62;

/** How many nodes the holders of all trees revoke. Only the owner makes trees. */
const MAX_IN_ALL = 100_000;
/** However many the holders of other trees revoke, those of one tree may revoke this many. */
const KEPT_PER_TREE = 1000;
/**
 * The first revocations of each child of a root, with all below it, take nothing of the tree's
 * room: so an agent does not take the right from its siblings, however many it revokes.
 */
const FIRST_OF_CHILD = 100;
/** How many of these there are in one tree: its root makes the children. */
const FIRST_IN_TREE = 5000;
/**
 * How many references to removed entries one addition clears away: a millisecond or two. An entry
 * has one at each node above it. [case 118]
 */
const CLEARED = 12_000;

/** How late the end of what is watched may be noticed. */
const WATCH_MS = 50;
/** As far as timers go whose delays are alike, which cost much less than each one of its own. */
const MAX_WATCH_MS = 600_000;

/** How much of a tree's room is left when a node this far from the root revokes: a part of 1. */
const roomAt = (depth: number): number =>
  1 -
  (MAX_BY_NODE * Math.min(depth, WHOLE_STEPS) + KEPT_PER_STEP * Math.max(0, depth - WHOLE_STEPS)) /
    MAX_IN_TREE;

/** A node whose id a verifier has derived. */
export type ProvenNode = Node & { readonly id: string };

/** Where a revoked node stands in its tree. */
export interface RevokedPlace {
  /** Ids of the nodes above it, root first. @default not known */
  readonly above?: readonly string[] | undefined;
  /** The node whose holder revoked it: one of `above`. @default the owner revoked it */
  readonly by?: string | undefined;
}

/** A revocation by a holder. */
export interface Revocation extends Required<RevokedPlace> {
  readonly nodeId: string;
  readonly above: readonly string[];
  readonly by: string;
  /** Unix seconds after which nothing below the node can be valid; absent if that is not known. */
  readonly endsAt?: number;
}

interface Entry {
  readonly nodeId: string;
  readonly above: readonly string[];
  readonly by: string | undefined;
  readonly end: number;
  /** Whether it takes nothing of its tree's room. */
  readonly isFirst: boolean;
}

export interface RevocationListOptions {
  /** @default the system's clock */
  readonly clock?: Clock;
}

const OPTIONS = { clock: true } satisfies Keys<RevocationListOptions>;

/**
 * An entry is kept for as long as a credential below its node can be valid, and no longer. A node
 * below a revoked one has no entry of its own, if its place is known: the one above says all.
 */
export class RevocationList {
  readonly #clock: Clock;
  readonly #passed: PassedTime;
  readonly #watches = new NodeWatches();
  /** What is denied until it is thawed. */
  readonly freezes = new Freezes("a service", (nodeId) => void this.#watches.stopped(nodeId));
  readonly #entries = new Map<string, Entry>();
  /** By the id of a node: the entries whose nodes stand below it, removed ones among them. */
  readonly #below = new Map<string, Set<Entry>>();
  /** Entries that were removed, and that `#below` still has. */
  readonly #removed: Entry[] = [];
  /** By the id of a node: how many entries its holders made. */
  readonly #byNode = new Map<string, number>();
  /** By the id of a root: how many entries the holders in its tree made. */
  readonly #inTree = new Map<string, number>();
  /** By the id of a root, and of a child of one: how many entries are first ones of a child. */
  readonly #first = new Map<string, number>();
  #inAll = 0;
  #untilSweep = SWEEP_EVERY;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #certainFrom = Number.NEGATIVE_INFINITY;
  // Until a feed is followed there is nothing to miss.
  #heardAt = 0;
  #maxSilenceSeconds = Number.POSITIVE_INFINITY;

  /**
   * @param elapsed seconds since any moment, by a clock that nobody sets
   * @throws TypeError for an unknown option
   */
  constructor(options: RevocationListOptions = {}, elapsed?: Clock) {
    checkKeys(options, OPTIONS, "a list of revocations");
    this.#clock = options.clock ?? systemClock;
    this.#passed = new PassedTime(elapsed);
  }

  /**
   * Revokes a node and everything below it, never its parent. Without a limit: for the owner, and
   * for what was revoked elsewhere.
   *
   * @param endsAt Unix seconds after which nothing below the node can be valid; without it the
   * entry is kept for good
   * @throws TypeError if `nodeId` is not a node id
   */
  revoke(
    nodeId: string,
    endsAt: number = Number.POSITIVE_INFINITY,
    { above = [], by }: RevokedPlace = {},
  ): void {
    // A mistyped id would revoke nothing without a word.
    if (!/^[0-9a-f]{32}$/.test(nodeId))
      throw new TypeError("a node id is 32 hex digits, in lower case");
    const now = this.#clock();
    this.#passed.begin(now);
    this.#fold({ nodeId, above, by, end: endsAt, isFirst: this.#isFirst({ above, by }) });
    this.#clear();
    void this.#watches.stopped(nodeId);
    if (--this.#untilSweep <= 0) this.#sweep(now);
  }

  /**
   * Revokes a node for a holder of a credential above it. What the holders of other nodes revoke
   * counts against none of the nodes above them, and a node that has revoked ones below it always
   * fits: it takes the place of their entries.
   *
   * @throws AdapterError `ERR_RATE_LIMITED` after a thousand nodes that the holders of one node
   * revoked, or twenty thousand in one tree: fewer for nodes far from the root, and if the holders
   * of other trees have revoked most of a hundred thousand, but a thousand in any case
   */
  revokeBelow(revocation: Revocation): void {
    if (!this.#hasRoom(revocation)) {
      const now = this.#clock();
      // At most once a second, so that refused requests do not go through the whole list.
      if (now >= this.#sweptAt + 1 || now < this.#sweptAt) this.#sweep(now);
      if (!this.#hasRoom(revocation))
        throw new AdapterError(
          "ERR_RATE_LIMITED",
          "Too many nodes were revoked with this credential, or in its tree. Revoke a node above them.",
        );
    }
    const { nodeId, endsAt, above, by } = revocation;
    this.revoke(nodeId, endsAt, { above, by });
  }

  /**
   * Calls `end` when one of these nodes is revoked or frozen from now on, or at the end of what has
   * them.
   *
   * @param endsAt Unix seconds
   * @returns what stops watching
   */
  watch(nodeIds: readonly string[], end: () => void, endsAt?: number): () => void {
    let timer: Timer | undefined;
    const unwatch = this.#watches.add([ALL_NODES, ...nodeIds], over);
    const stop = () => {
      unwatch();
      clearTimeout(timer);
    };
    function over(): void {
      stop();
      end();
    }
    // Asked again and again, because the clock may be set.
    const wait = (until: number): void => {
      const left = until - this.#clock();
      const ms = Math.min(Math.max(left * 1000, WATCH_MS), MAX_WATCH_MS);
      if (left <= 0) over();
      else timer = later(ms, () => wait(until));
    };
    if (endsAt !== undefined) wait(endsAt);
    return stop;
  }

  /** Whether one of these nodes is revoked by an entry of its own, or is frozen. */
  stops(nodeIds: readonly string[]): boolean {
    return nodeIds.some((id) => this.#entries.has(id)) || this.freezes.isFrozen(nodeIds);
  }

  /** Whether the node has an entry. One that stands below a revoked node may have none. */
  has(nodeId: string): boolean {
    return this.#entries.has(nodeId);
  }

  /** How many nodes are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Unix seconds of the latest end that was forgotten. At an earlier time, on a clock that was set
   * back, nothing can say what was revoked. [case 109]
   */
  get certainFrom(): number {
    return this.#certainFrom;
  }

  /** Everything that was ever revoked was added again, so that nothing is forgotten. */
  certainAgain(): void {
    this.#certainFrom = Number.NEGATIVE_INFINITY;
  }

  /**
   * Records that at Unix second `at` everything revoked elsewhere was known. Nothing is granted
   * more than `maxSilenceSeconds` away from it.
   */
  heard(at: number, maxSilenceSeconds: number): void {
    this.#heardAt = at;
    this.#maxSilenceSeconds = maxSilenceSeconds;
  }

  /**
   * Why nothing is granted at Unix second `now`: the list may not be complete, or every node is
   * frozen; else undefined.
   */
  standstill(now: number): DeniedError | undefined {
    const isKnown = this.#isCompleteAt(now) && now >= this.#certainFrom;
    const refusal = isKnown ? this.freezes.ofAll : SILENCE;
    return refusal && denied([refusal]);
  }

  /** Why a revocation or a freeze denies a chain of nodes, root first; undefined if none does. */
  refusalOf(nodes: () => readonly ProvenNode[], now: number): Refusal | undefined {
    this.#passed.begin(now);
    if (!this.#isCompleteAt(now)) return SILENCE;
    if (now < this.#certainFrom) return refusal(nodes().at(-1)!, "revocation", FORGOTTEN);
    // Ids are derived only if there is something to look for.
    const revoked =
      this.#entries.size === 0 ? undefined : nodes().find(({ id }) => this.#entries.has(id));
    if (revoked === undefined) return this.freezes.refusals(nodes)[0];
    return refusal(revoked, "revocation", denialOf(revoked));
  }

  #hasRoom({ nodeId, above, by }: Revocation): boolean {
    if ([...above, nodeId].some((id) => this.#entries.has(id)) || this.#hasBelow(nodeId))
      return true;
    const inTree = this.#inTree.get(above[0]!) ?? 0;
    // Half of what the others leave, so that there is something left for the next tree.
    const left = Math.floor((MAX_IN_ALL - (this.#inAll - inTree)) / 2);
    const room = Math.min(MAX_IN_TREE, Math.max(KEPT_PER_TREE, left));
    if ((this.#byNode.get(by) ?? 0) >= MAX_BY_NODE) return false;
    return inTree < room * roomAt(above.indexOf(by)) || this.#isFirst({ above, by });
  }

  #isFirst({ above: [root, child], by }: Pick<Entry, "above" | "by">): boolean {
    // A root revokes its child itself.
    if (child === undefined || by === undefined || by === root) return false;
    const [inChild, inTree] = [this.#first.get(child) ?? 0, this.#first.get(root!) ?? 0];
    return inChild < FIRST_OF_CHILD && inTree < FIRST_IN_TREE;
  }

  #isIn(entry: Entry): boolean {
    return this.#entries.get(entry.nodeId) === entry;
  }

  #hasBelow(nodeId: string): boolean {
    for (const entry of this.#below.get(nodeId) ?? []) if (this.#isIn(entry)) return true;
    return false;
  }

  /**
   * Adds an entry, unless a node above it is revoked. One entry remains of all along one line,
   * until the latest of their ends: the owner may have given one that is too early.
   */
  #fold({ nodeId, above, by, end, isFirst }: Entry): void {
    const own = this.#entries.get(nodeId);
    const parent = above.map((id) => this.#entries.get(id)).find((entry) => entry !== undefined);
    const first = parent ?? {
      nodeId,
      above: own === undefined || own.above.length === 0 ? above : own.above,
      by: own === undefined ? by : own.by,
      isFirst: own === undefined ? isFirst : own.isFirst,
    };
    let latest = Math.max(end, parent?.end ?? end, own?.end ?? end);
    for (const entry of this.#below.get(nodeId) ?? []) {
      if (!this.#isIn(entry)) continue;
      latest = Math.max(latest, entry.end);
      this.#remove(entry);
    }
    if (own !== undefined) this.#remove(own);
    if (parent !== undefined) this.#remove(parent);
    this.#add({ ...first, end: latest });
  }

  #add(entry: Entry): void {
    const { nodeId, above } = entry;
    this.#entries.set(nodeId, entry);
    for (const id of above) {
      const below = this.#below.get(id);
      if (below === undefined) this.#below.set(id, new Set([entry]));
      else below.add(entry);
    }
    this.#count(entry, 1);
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.nodeId);
    this.#count(entry, -1);
    if (entry.above.length > 0) this.#removed.push(entry);
  }

  #count({ above, by, isFirst }: Entry, change: 1 | -1): void {
    if (by === undefined) return;
    count(this.#byNode, by, change);
    if (isFirst) for (const id of above.slice(0, 2)) count(this.#first, id, change);
    else {
      count(this.#inTree, above[0]!, change);
      this.#inAll += change;
    }
  }

  /**
   * A node that is revoked may have thousands of entries far below it, each at all nodes above: the
   * next additions clear those away.
   */
  #clear(): void {
    for (let cleared = 0; cleared < CLEARED; ) {
      const entry = this.#removed.pop();
      if (entry === undefined) return;
      for (const id of entry.above) {
        const below = this.#below.get(id);
        below?.delete(entry);
        if (below?.size === 0) this.#below.delete(id);
      }
      cleared += entry.above.length;
    }
  }

  #sweep(now: number): void {
    this.#untilSweep = SWEEP_EVERY;
    this.#sweptAt = now;
    // What a clock that is ahead takes for ended is valid again once it is set right. [case 109]
    const passed = this.#passed.at(now);
    for (const entry of this.#entries.values()) {
      if (entry.end >= passed) continue;
      this.#remove(entry);
      this.#certainFrom = Math.max(this.#certainFrom, entry.end);
    }
  }

  // In both directions: on a clock that was set back, the last report is as far away as on one that
  // went on.
  #isCompleteAt(now: number): boolean {
    return Math.abs(now - this.#heardAt) <= this.#maxSilenceSeconds;
  }
}

function count(counts: Map<string, number>, id: string, change: 1 | -1): void {
  const after = (counts.get(id) ?? 0) + change;
  if (after === 0) counts.delete(id);
  else counts.set(id, after);
}

/** The list may be incomplete, so nothing is granted. [case 111] */
const SILENCE: Refusal = {
  code: "ERR_REVOCATION_UNKNOWN",
  condition: "revocation",
  have: "a list of revocations that may be out of date",
  need: "a current one: try again in a moment",
};

const FORGOTTEN: Denial = {
  code: "ERR_REVOKED",
  have: "a clock that was set back to before revocations that are forgotten by now",
  need: "a clock that goes forward",
};

const denialOf = ({ agent }: Node): Denial => ({
  code: "ERR_REVOKED",
  have:
    agent === undefined
      ? "a credential that was revoked"
      : `a credential whose agent ${agent} was revoked`,
  need: "a credential that was not",
});
