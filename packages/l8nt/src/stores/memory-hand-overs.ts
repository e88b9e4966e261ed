/** The hand-overs and recalls of a store in memory. */
import type {
  HandOver,
  HandOverEnds,
  HandOverTerms,
  Recall,
  RecallKey,
  RecallPage,
  Revoked,
} from "../ports/hand-overs.ts";
import { pathIn, pathText, presentedBy, rowsOf } from "./hand-over-rows.ts";

interface Row {
  readonly nodeId: string;
  readonly paymentHash: string;
  readonly parent: string | undefined;
  readonly path: string;
  readonly origin: string;
  readonly until: number;
}

interface Kept extends Recall {
  /** Unix seconds before which it is not sent. */
  readonly notBefore?: number;
}

export class MemoryHandOvers {
  /** By node, then by payment hash. */
  readonly #rows = new Map<string, Map<string, Row>>();
  /** The rows of the children of each node, oldest first. */
  readonly #below = new Map<string, Set<Row>>();
  /** By payment hash, then by path. */
  readonly #recalls = new Map<string, Map<string, Kept>>();

  handOver(handOver: HandOver, { at, maxBelow }: HandOverTerms): boolean {
    const { paymentHash, origin, until } = handOver;
    const rows = rowsOf(handOver);
    const isFull = rows.some(({ nodeId, parent }) => {
      const known = this.#rows.get(nodeId)?.get(paymentHash);
      if (parent === undefined || (known?.until ?? at) > at) return false;
      return this.#live(parent, at) >= maxBelow;
    });
    if (isFull) return false;
    for (const row of rows) {
      const known = this.#rows.get(row.nodeId)?.get(paymentHash);
      if (known !== undefined) this.#remove(known);
      this.#add({ ...row, paymentHash, origin, until: Math.max(until, known?.until ?? until) });
    }
    return true;
  }

  #live(parent: string, at: number): number {
    let live = 0;
    for (const { until } of this.#below.get(parent) ?? []) if (until > at) live++;
    return live;
  }

  #add(row: Row): void {
    const { nodeId, paymentHash, parent } = row;
    const ofNode = this.#rows.get(nodeId) ?? new Map();
    this.#rows.set(nodeId, ofNode.set(paymentHash, row));
    if (parent === undefined) return;
    this.#below.set(parent, (this.#below.get(parent) ?? new Set()).add(row));
  }

  #remove(row: Row): void {
    const { nodeId, paymentHash, parent } = row;
    const ofNode = this.#rows.get(nodeId);
    ofNode?.delete(paymentHash);
    if (ofNode?.size === 0) this.#rows.delete(nodeId);
    if (parent === undefined) return;
    const below = this.#below.get(parent);
    below?.delete(row);
    if (below?.size === 0) this.#below.delete(parent);
  }

  recall({ nodeId, by, rank, at }: Revoked, { after = "", limit }: RecallPage): string | undefined {
    const rows = this.#rows.get(nodeId);
    const hashes = [...(rows?.keys() ?? [])].filter((hash) => hash > after).sort();
    let replaced = 0;
    let last = after;
    for (const hash of hashes.slice(0, limit)) {
      const { paymentHash, origin, until, path: text } = rows!.get(hash)!;
      if (until > at) {
        const path = pathIn(text);
        const presented = presentedBy(path, by);
        replaced += this.#put({ paymentHash, origin, path, presented, rank, at, until });
      }
      last = hash;
      if (replaced >= limit) break;
    }
    return last === hashes.at(-1) || hashes.length === 0 ? undefined : last;
  }

  /** Returns how many others it took the place of. */
  #put(recall: Kept): number {
    const { paymentHash, path } = recall;
    const ofPayment = this.#recalls.get(paymentHash) ?? new Map<string, Kept>();
    const text = pathText(path);
    const isCovered = path.some((_, at) => at > 0 && ofPayment.has(pathText(path.slice(0, at))));
    if (isCovered) return 0;
    const known = ofPayment.get(text);
    let replaced = 0;
    for (const below of [...ofPayment.keys()])
      if (below.startsWith(`${text} `) && ofPayment.delete(below)) replaced++;
    ofPayment.set(
      text,
      known === undefined
        ? recall
        : {
            ...known,
            presented: Math.min(known.presented, recall.presented),
            rank: Math.min(known.rank, recall.rank),
            until: Math.max(known.until, recall.until),
          },
    );
    this.#recalls.set(paymentHash, ofPayment);
    return replaced;
  }

  widenRecall({ paymentHash, path }: RecallKey): void {
    const recall = this.#recalls.get(paymentHash)?.get(pathText(path));
    if (recall === undefined || path.length < 2) return;
    const presented = Math.min(recall.presented, path.length - 2);
    this.#put({ ...recall, path: path.slice(0, -1), presented });
  }

  acknowledge({ paymentHash, path }: RecallKey, at: number): void {
    const ofPayment = this.#recalls.get(paymentHash);
    const recall = ofPayment?.get(pathText(path));
    if (recall !== undefined) ofPayment!.set(pathText(path), { acknowledgedAt: at, ...recall });
  }

  postpone({ paymentHash, path }: RecallKey, until: number): void {
    const ofPayment = this.#recalls.get(paymentHash);
    const recall = ofPayment?.get(pathText(path));
    if (recall !== undefined) ofPayment!.set(pathText(path), { ...recall, notBefore: until });
  }

  #all(): readonly Kept[] {
    return [...this.#recalls.values()].flatMap((ofPayment) => [...ofPayment.values()]);
  }

  #pending(at: number): readonly Kept[] {
    return this.#all().filter(
      ({ acknowledgedAt, until }) => acknowledgedAt === undefined && until > at,
    );
  }

  pendingRecalls(at: number, except: readonly string[], limit: number): readonly Recall[] {
    const others = new Set(except);
    return this.#pending(at)
      .filter(
        ({ path, origin, notBefore = at }) =>
          path.length > 0 && notBefore <= at && !others.has(origin),
      )
      .sort((a, b) => a.rank - b.rank || a.at - b.at)
      .slice(0, limit);
  }

  countPendingRecalls(at: number, limit: number): number {
    return Math.min(limit, this.#pending(at).length);
  }

  recalls(nodeId: string | undefined, limit: number): readonly Recall[] {
    const found =
      nodeId === undefined
        ? this.#all()
        : [...(this.#rows.get(nodeId)?.values() ?? [])].flatMap((row) =>
            [...(this.#recalls.get(row.paymentHash)?.entries() ?? [])]
              .filter(([path]) => row.path === path || row.path.startsWith(`${path} `))
              .map(([, recall]) => recall),
          );
    return [...found].sort((a, b) => b.at - a.at).slice(0, limit);
  }

  forget(before: HandOverEnds, limit: number): boolean {
    let [rows, recalls] = [0, 0];
    for (const ofNode of this.#rows.values())
      for (const row of ofNode.values())
        if (row.until < before.handOvers && rows++ < limit) this.#remove(row);
    for (const [paymentHash, ofPayment] of this.#recalls) {
      for (const [path, { until }] of ofPayment)
        if (until < before.recalls && recalls++ < limit) ofPayment.delete(path);
      if (ofPayment.size === 0) this.#recalls.delete(paymentHash);
    }
    return rows >= limit || recalls >= limit;
  }
}
