/** The directory of nodes of a store in memory. */
import {
  type ForgottenNode,
  type NodeOutline,
  type NodePlace,
  type NodeQuery,
  type NodeRecord,
  placeOf,
} from "../ports/nodes.ts";

interface Kept {
  readonly place: NodePlace;
  record: NodeRecord;
}

export class MemoryNodes {
  readonly #byId = new Map<string, Kept>();
  readonly #all: Kept[] = [];
  /** By the id of a node: its record, if there is one, and all below it. Each list is in order. */
  readonly #under = new Map<string, Kept[]>();

  meet(nodes: readonly NodeRecord[]): void {
    for (const record of nodes) {
      if (this.#byId.has(record.id)) continue;
      const kept = { place: placeOf(record), record };
      this.#byId.set(record.id, kept);
      insert(this.#all, kept);
      for (const id of record.path) {
        const under = this.#under.get(id);
        if (under === undefined) this.#under.set(id, [kept]);
        else insert(under, kept);
      }
    }
  }

  nodes({ under, after, limit }: NodeQuery): readonly NodeRecord[] {
    const list = under === undefined ? this.#all : (this.#under.get(under) ?? []);
    const from = after === undefined ? 0 : firstAfter(list, after);
    return list.slice(from, from + limit).map(({ record }) => record);
  }

  outlines(query: Omit<NodeQuery, "under">): readonly NodeOutline[] {
    return this.nodes(query);
  }

  forget(forgotten: readonly ForgottenNode[]): void {
    const named = forgotten.flatMap(({ id, into }) => ({ id, into, kept: this.#byId.get(id) }));
    for (const { into, kept } of named) if (kept !== undefined) this.#remove(kept, into);
    for (const { id, into } of named)
      for (const kept of [...(this.#under.get(id) ?? [])]) this.#remove(kept, into);
  }

  #remove(kept: Kept, into: string | undefined): void {
    const { id, path, unlisted = 0 } = kept.record;
    if (this.#byId.get(id) !== kept) return;
    this.#byId.delete(id);
    remove(this.#all, kept);
    for (const above of path) {
      const under = this.#under.get(above)!;
      remove(under, kept);
      if (under.length === 0) this.#under.delete(above);
    }
    const above = into === undefined ? undefined : this.#byId.get(into);
    if (above === undefined) return;
    above.record = { ...above.record, unlisted: (above.record.unlisted ?? 0) + unlisted + 1 };
  }
}

const compare = (a: NodePlace, b: NodePlace): number =>
  a.depth - b.depth || a.metAt - b.metAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** The index of the first one after a place. */
function firstAfter(list: readonly Kept[], place: NodePlace): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(list[middle]!.place, place) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

const insert = (list: Kept[], kept: Kept): void =>
  void list.splice(firstAfter(list, kept.place), 0, kept);

const remove = (list: Kept[], kept: Kept): void =>
  void list.splice(firstAfter(list, kept.place) - 1, 1);
