/** A chain of caveats: its nodes, conditions and counted limits, and its verdict on an access. */
import type { Unit } from "../amount.ts";
import type { Refusal } from "../errors.ts";
import type { Counted } from "../ports/limit.ts";
import type { Access } from "./access.ts";
import type { AnyCondition, Condition, Denial, Place } from "./condition.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A place in the tree of delegations: the root, or one caveat that opens a node. */
export class Node {
  /** Undefined for the root. */
  readonly agent: string | undefined;
  readonly #derive: (() => string) | undefined;
  #id: string | undefined;

  constructor(derive?: () => string, agentName?: string) {
    this.#derive = derive;
    this.agent = agentName;
  }

  /** Hex, 16 bytes; undefined in a chain that was read without its secret. Derived on first use. */
  get id(): string | undefined {
    this.#id ??= this.#derive?.();
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
};

/** Strips node and condition: a ledger needs only the counters. */
export const countersOf = (limits: readonly ChainLimit[]): readonly Counted[] =>
  limits.map(({ node: _, condition: __, ...counted }) => counted);

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
  readonly caveats: readonly Uint8Array[];
  readonly vocabulary: Vocabulary;
  /** Hex, from the identifier. */
  readonly paymentHash: string;
  /**
   * The id of the place after `count` caveats. Only the holder of the secret can derive all of
   * them.
   */
  readonly placeId?: (count: number) => string;
}

export class CaveatChain {
  /** Root first, this credential's own node last. */
  readonly nodes: readonly [Node, ...Node[]];
  /** Every counted limit, root first. */
  readonly limits: readonly ChainLimit[];
  readonly texts: readonly CaveatText[];
  /** Unix seconds of the earliest end; undefined for a credential without an end. */
  readonly validUntil: number | undefined;
  /** The caveats that could be read, in order. */
  readonly entries: readonly ChainEntry[];
  readonly #judged: readonly ChainEntry[];
  /** The refusals of every access: unknown conditions and unreadable values. */
  readonly #broken: readonly Refusal[];
  readonly #ends: ReadonlyMap<Node, number>;

  constructor({ caveats, vocabulary, paymentHash, placeId }: ChainOptions) {
    const read = caveats.map(vocabulary.read);
    let node = new Node(placeId && (() => placeId(0)));
    const nodes: [Node, ...Node[]] = [node];
    const texts: CaveatText[] = [];
    const entries: ChainEntry[] = [];
    const limits: ChainLimit[] = [];
    const broken: Refusal[] = [];
    const ends = new Map<Node, number>();
    let agentsAfter = read.filter((caveat) => caveat?.condition?.opens !== undefined).length;
    let earliest: number | undefined;
    read.forEach((caveat, index) => {
      if (caveat === undefined) {
        broken.push(unreadable(node, "(no condition=value text)"));
        return;
      }
      const { name, text, value } = caveat;
      const condition = caveat.condition as Condition<unknown> | undefined;
      if (condition?.opens !== undefined) {
        agentsAfter--;
        if (value !== undefined) {
          node = new Node(placeId && (() => placeId(index + 1)), condition.opens(value));
          nodes.push(node);
        }
      }
      // Texts are shown and logged, and a preimage is half of a credential.
      const isSecret = condition?.isSecret === true;
      texts.push({ condition: name, value: isSecret ? "(not shown)" : text, node, isSecret });
      if (condition === undefined) broken.push(unknown(node, name));
      else if (value === undefined) broken.push(unreadable(node, name));
      else {
        const place = { paymentHash, agentsAfter };
        entries.push({ condition: caveat.condition!, value, place, node });
        const limit = condition.limit?.(value);
        if (limit !== undefined) {
          const id = placeId?.(index + 1) ?? "";
          const expiry = earliest === undefined ? {} : { expiresAt: earliest };
          limits.push({ ...limit, ...expiry, id, condition: name, node });
        }
        const end = condition.ends?.(value);
        if (end !== undefined) earliest = Math.min(earliest ?? Number.POSITIVE_INFINITY, end);
      }
      if (earliest !== undefined) ends.set(node, earliest);
    });
    this.nodes = nodes;
    this.limits = limits;
    this.texts = texts;
    this.validUntil = earliest;
    this.entries = entries;
    this.#judged = entries.filter(({ condition }) => condition.prohibits !== undefined);
    this.#broken = broken;
    this.#ends = ends;
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
    return this.texts.some(({ condition }) => condition === name);
  }

  /**
   * Whether the credential is for one method at one path, by a condition on endpoints; with GET
   * also for HEAD.
   */
  get isForOneEndpoint(): boolean {
    return this.entries.some(({ condition, value }) => condition.isOneEndpoint?.(value));
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

  /** Whether it says which services it is for. */
  get namesServices(): boolean {
    return this.entries.some(({ condition }) => condition.servicesOf !== undefined);
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

  /** Unix seconds at which the last of the services that it is for ends it. */
  get serviceEnd(): number | undefined {
    return this.lastEnd && endOf(this.lastEnd)?.until;
  }

  /** Unix seconds of the earliest end among the caveats of the nodes from the root to `node`. */
  validUntilOf(node: Node): number | undefined {
    const depth = this.nodes.indexOf(node);
    for (let at = depth; at >= 0; at--) {
      const end = this.#ends.get(this.nodes[at]!);
      if (end !== undefined) return end;
    }
    return undefined;
  }

  /**
   * Every caveat that denies this access; empty if it is allowed. Counted limits are the ledger's
   * to judge.
   */
  refusals(access: Access): readonly Refusal[] {
    return judge(this.#broken, this.#judged, access);
  }

  /**
   * The refusals that hold whatever service judges: a service may know conditions that are unknown
   * here, and knows its own name. A credential that has ended at every service that it is for is
   * refused by each of them.
   */
  certainRefusals(access: Access): readonly Refusal[] {
    const refusals = judge(
      this.#broken.filter(({ code }) => code !== UNKNOWN),
      this.#judged.filter(({ condition }) => condition.judgedBy !== "service"),
      access,
    );
    const end = this.lastEnd;
    if (end === undefined) return refusals;
    const { condition, value, place, node } = end;
    const { service } = endOf(end)!;
    const denial = condition.prohibits!(value, { ...access, service }, place);
    return denial === undefined ? refusals : [...refusals, refusal(node, condition.name, denial)];
  }
}

const endOf = ({ condition, value }: ChainEntry) => condition.endsAt?.(value);

function judge(
  broken: readonly Refusal[],
  entries: readonly ChainEntry[],
  access: Access,
): readonly Refusal[] {
  let refusals = broken;
  for (const { condition, value, place, node } of entries) {
    const denial = condition.prohibits!(value, access, place);
    if (denial !== undefined) refusals = [...refusals, refusal(node, condition.name, denial)];
  }
  return refusals;
}

export function refusal(node: Node, condition: string, denial: Denial): Refusal {
  const { id, agent: agentName } = node;
  if (id === undefined) return { ...denial, condition };
  return {
    ...denial,
    condition,
    node: agentName === undefined ? { id } : { id, agent: agentName },
  };
}

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
