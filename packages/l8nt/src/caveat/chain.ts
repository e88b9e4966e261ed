/** A chain of caveats: its nodes, conditions and counted limits, and its verdict on an access. */
import type { Unit } from "../amount.ts";
import type { Refusal } from "../errors.ts";
import type { Binary } from "../internal/bytes.ts";
import type { Counted } from "../ports/limit.ts";
import type { Access } from "./access.ts";
import type { AnyCondition, Condition, Denial, Place } from "./condition.ts";
import type { ReadCaveat, Vocabulary } from "./vocabulary.ts";

/** The ids of the places along a chain, which take its secret to derive. */
export interface PlaceIds {
  /** Of the place after the first `count` caveats: hex, 16 bytes. */
  at(count: number): string;
}

/** A place in the tree of delegations: the root, or one caveat that opens a node. */
export class Node {
  /** Undefined for the root. */
  readonly agent: string | undefined;
  readonly #places: PlaceIds | undefined;
  readonly #count: number;
  #id: string | undefined;

  constructor(places: PlaceIds | undefined, count: number, agentName?: string) {
    this.agent = agentName;
    this.#places = places;
    this.#count = count;
  }

  /** Hex, 16 bytes; undefined in a chain that was read without its secret. Derived on first use. */
  get id(): string | undefined {
    this.#id ??= this.#places?.at(this.#count);
    return this.#id;
  }
}

/** A limit on the chain, with the node and the condition that it comes from. */
export type ChainLimit = Counted & {
  readonly max: bigint;
  /** Defined for a limit on spending. */
  readonly unit?: Unit | undefined;
  readonly condition: string;
  readonly node: Node;
  /** The counter alone, which a ledger keeps. */
  readonly counted: Counted;
};

export const limitOf = (
  counted: Counted & { readonly max: bigint },
  { condition, node }: Pick<ChainLimit, "condition" | "node">,
): ChainLimit => ({ ...counted, condition, node, counted });

/** A ledger needs only the counters. */
export const countersOf = (limits: readonly ChainLimit[]): readonly Counted[] =>
  limits.map(({ counted }) => counted);

export interface CaveatText {
  readonly condition: string;
  /** Shown in place of a secret: `(not shown)`. */
  readonly value: string;
  readonly node: Node;
  readonly isSecret: boolean;
}

/** A caveat that can be read, with what it means. */
export interface ChainEntry {
  readonly condition: AnyCondition;
  readonly value: never;
  readonly place: Place;
  readonly node: Node;
}

export interface ChainOptions {
  readonly caveats: readonly Binary[];
  readonly vocabulary: Vocabulary;
  /** Hex, from the identifier. */
  readonly paymentHash: string;
  /** @default none: the chain is not verified */
  readonly places?: PlaceIds;
}

const NO_LIMITS: readonly ChainLimit[] = Object.freeze([]);
const NO_REFUSALS: readonly Refusal[] = Object.freeze([]);

export class CaveatChain {
  /** Root first, this credential's own node last. */
  readonly nodes: readonly [Node, ...Node[]];
  /** Every counted limit, root first. */
  readonly limits: readonly ChainLimit[];
  /** Unix seconds of the earliest end; undefined for a credential without an end. */
  readonly validUntil: number | undefined;
  /** As they stand on the chain; undefined for what is no `condition=value` text. */
  readonly #read: readonly (ReadCaveat | undefined)[];
  /** The facts that hold from the start of the chain, and from each `agent` caveat on. */
  readonly #places: readonly Place[];
  /** The refusals of every access: unknown conditions and unreadable values. */
  readonly #broken: readonly Refusal[];
  /** By node: the earliest end up to its last caveat. */
  readonly #ends: readonly (number | undefined)[];

  // Verifiers keep thousands of chains, so nothing is made here that can be made when it is asked
  // for.
  constructor({ caveats, vocabulary, paymentHash, places }: ChainOptions) {
    const read = caveats.map(vocabulary.read);
    let agentsAfter = 0;
    for (const caveat of read) if (caveat?.condition?.opens !== undefined) agentsAfter++;
    let node = new Node(places, 0);
    const nodes: [Node, ...Node[]] = [node];
    const facts: Place[] = [{ paymentHash, agentsAfter }];
    const ends: (number | undefined)[] = [undefined];
    let limits: ChainLimit[] | undefined;
    let broken = NO_REFUSALS;
    let earliest: number | undefined;
    for (let index = 0; index < read.length; index++) {
      const caveat = read[index];
      if (caveat === undefined) {
        broken = [...broken, unreadable(node, "(no condition=value text)")];
        continue;
      }
      const { name, value } = caveat;
      const condition = caveat.condition as Condition<unknown> | undefined;
      if (condition?.opens !== undefined) {
        agentsAfter--;
        facts.push({ paymentHash, agentsAfter });
        if (value !== undefined) {
          node = new Node(places, index + 1, condition.opens(value));
          nodes.push(node);
        }
      }
      if (condition === undefined) broken = [...broken, unknown(node, name)];
      else if (value === undefined) broken = [...broken, unreadable(node, name)];
      else {
        const limit = condition.limit?.(value);
        if (limit !== undefined) {
          const id = places?.at(index + 1) ?? "";
          const expiry = earliest === undefined ? {} : { expiresAt: earliest };
          limits ??= [];
          limits.push(limitOf({ ...limit, ...expiry, id }, { condition: name, node }));
        }
        const end = condition.ends?.(value);
        if (end !== undefined && (earliest === undefined || end < earliest)) earliest = end;
      }
      ends[nodes.length - 1] = earliest;
    }
    this.nodes = nodes;
    this.limits = limits ?? NO_LIMITS;
    this.validUntil = earliest;
    this.#read = read;
    this.#places = facts;
    this.#broken = broken;
    this.#ends = ends;
  }

  /** The caveats as texts, in order. */
  get texts(): readonly CaveatText[] {
    const texts: CaveatText[] = [];
    this.#walk((caveat, { node }) => {
      // Texts are shown and logged, and a preimage is half of a credential.
      const isSecret = caveat.condition?.isSecret === true;
      const value = isSecret ? "(not shown)" : caveat.text;
      texts.push({ condition: caveat.name, value, node, isSecret });
    });
    return texts;
  }

  /** The caveats that could be read, in order. */
  get entries(): readonly ChainEntry[] {
    const entries: ChainEntry[] = [];
    this.#walk(({ condition, value }, { node, place }) => {
      if (condition !== undefined && value !== undefined)
        entries.push({ condition, value, place, node });
    });
    return entries;
  }

  /** Goes along the caveats with the node and the facts that hold at each. */
  #walk(visit: (caveat: ReadCaveat, at: { readonly node: Node; readonly place: Place }) => void) {
    let node = 0;
    let place = 0;
    for (const caveat of this.#read) {
      if (caveat === undefined) continue;
      if (caveat.condition?.opens !== undefined) {
        place++;
        if (caveat.value !== undefined) node++;
      }
      visit(caveat, { node: this.nodes[node]!, place: this.#places[place]! });
    }
  }

  /** This credential's own node. */
  get node(): Node {
    return this.nodes.at(-1)!;
  }

  /** The agent names from the root to this node. */
  get lineage(): readonly string[] {
    this.#lineage ??= this.nodes.flatMap((node) => node.agent ?? []);
    return this.#lineage;
  }
  #lineage: readonly string[] | undefined;

  /** Whether a caveat of this condition is on the chain. */
  has({ name }: { readonly name: string }): boolean {
    return this.#read.some((caveat) => caveat?.name === name);
  }

  /** The values of this condition's caveats on the chain, root first. */
  valuesOf<Value>({ name }: Condition<Value>): readonly Value[] {
    const all = this.entries.filter(({ condition }) => condition.name === name);
    return all.map(({ value }) => value as Value);
  }

  /**
   * Whether the credential serves a single request. Such a credential belongs to that request and
   * is worth nothing afterwards.
   */
  get isSingleUse(): boolean {
    return this.limits.some(
      ({ kind, max, windowSeconds }) =>
        kind === "uses" && windowSeconds === undefined && max === 1n,
    );
  }

  /** Whether a use reduces what the credential allows. A pass for a time is not used up. */
  get isUsedUpByUse(): boolean {
    return this.limits.length > 0;
  }

  /**
   * The caveat that ends the credential at the last of the services that it is for. Undefined if it
   * names no service, or has no end at one of them.
   */
  get lastEnd(): ChainEntry | undefined {
    const lists = this.entries.flatMap(({ condition, value }) =>
      condition.servicesOf === undefined ? [] : [condition.servicesOf(value)],
    );
    const services = lists[0]?.filter((name) => lists.every((list) => list.includes(name))) ?? [];
    const ends = services.map((service) => {
      const own = this.entries.filter((entry) => endOf(entry)?.service === service);
      return own.sort((a, b) => endOf(a)!.until - endOf(b)!.until)[0];
    });
    if (ends.includes(undefined)) return undefined;
    return ends.sort((a, b) => endOf(b!)!.until - endOf(a!)!.until)[0];
  }

  /** Unix seconds of the earliest end among the caveats of the nodes from the root to `node`. */
  validUntilOf(node: Node): number | undefined {
    return this.#ends[this.nodes.indexOf(node)];
  }

  /**
   * Every caveat that denies this access; empty if it is allowed. Counted limits are the ledger's
   * to judge.
   */
  refusals(access: Access): readonly Refusal[] {
    return this.#judge(this.#broken, access, false);
  }

  /**
   * The refusals that hold whatever service judges: a service may know conditions that are unknown
   * here, and knows its own name. A credential that has ended at every service that it is for is
   * refused by each of them.
   */
  certainRefusals(access: Access): readonly Refusal[] {
    const broken = this.#broken.filter(({ code }) => code !== UNKNOWN);
    const refusals = this.#judge(broken, access, true);
    const end = this.lastEnd;
    if (end === undefined) return refusals;
    const { condition, value, place, node } = end;
    const { service } = endOf(end)!;
    const denial = condition.prohibits!(value, { ...access, service }, place);
    return denial === undefined ? refusals : [...refusals, refusalOf(node, condition, denial)];
  }

  /** @param isForetold leaves out what only a service can judge */
  #judge(broken: readonly Refusal[], access: Access, isForetold: boolean): readonly Refusal[] {
    let refusals = broken;
    let node = 0;
    let place = 0;
    // Not `#walk`: every request takes this way, and it makes no object.
    for (const caveat of this.#read) {
      const condition = caveat?.condition;
      if (caveat === undefined || condition === undefined) continue;
      const { value } = caveat;
      if (condition.opens !== undefined) {
        place++;
        if (value !== undefined) node++;
      }
      if (value === undefined || condition.prohibits === undefined) continue;
      if (isForetold && condition.judgedBy === "service") continue;
      const denial = condition.prohibits(value, access, this.#places[place]!);
      if (denial !== undefined)
        refusals = [...refusals, refusalOf(this.nodes[node]!, condition, denial)];
    }
    return refusals;
  }
}

const endOf = ({ condition, value }: ChainEntry) => condition.endsAt?.(value);

export function refusal(node: Node, condition: string, denial: Denial): Refusal {
  const { id, agent: agentName } = node;
  if (id === undefined) return { ...denial, condition };
  return {
    ...denial,
    condition,
    node: agentName === undefined ? { id } : { id, agent: agentName },
  };
}

const refusalOf = (node: Node, { name, code }: AnyCondition, denial: Omit<Denial, "code">) =>
  refusal(node, name, { ...denial, code: code! });

const UNKNOWN = "ERR_CAVEAT_UNKNOWN";

// The value and a strange name are the sender's text: neither is repeated. 64 characters might be a
// preimage. [case 19]
const unknown = (node: Node, name: string): Refusal =>
  refusal(node, /^[a-z0-9_]{1,63}$/.test(name) ? name : "(unprintable)", {
    code: UNKNOWN,
    have: "a condition that is not enforced here",
    need: "conditions that are",
  });

const unreadable = (node: Node, name: string): Refusal =>
  refusal(node, name, {
    code: "ERR_CAVEAT_MALFORMED",
    have: "a value that cannot be read",
    need: "a well-formed one",
  });
