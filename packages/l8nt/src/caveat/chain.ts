/**
 * A chain of caveats, read once and judged on every request: the tree's nodes, the conditions, the
 * counted limits.
 */
import type { Refusal } from "../errors.ts";
import type { Counted } from "../ports/limit.ts";
import type { Access } from "./access.ts";
import type { AnyCondition, Condition, Denial, Place } from "./condition.ts";
import { type Agent, agent } from "./delegation.ts";
import { preimage } from "./preimage.ts";
import { validUntil } from "./time.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A place in the tree of delegations: the root, or one `agent` caveat. */
export class Node {
  /** The root has none. */
  readonly agent: string | undefined;
  readonly #derive: (() => string) | undefined;
  #id: string | undefined;

  constructor(derive?: () => string, agentName?: string) {
    this.#derive = derive;
    this.agent = agentName;
  }

  /**
   * Hex, 16 bytes; undefined where the chain was read without its secret. Derived when it is first
   * asked for.
   */
  get id(): string | undefined {
    this.#id ??= this.#derive?.();
    return this.#id;
  }
}

/** A limit on the chain, with the node and the condition that it comes from. */
export interface ChainLimit extends Counted {
  readonly max: bigint;
  readonly condition: string;
  readonly node: Node;
}

/** As a ledger takes them: whose they are is none of its business. */
export const countersOf = (limits: readonly ChainLimit[]): readonly Counted[] =>
  limits.map(({ node: _, condition: __, ...counted }) => counted);

export interface CaveatText {
  readonly condition: string;
  readonly value: string;
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

interface Entry {
  readonly condition: AnyCondition;
  readonly value: never;
  readonly place: Place;
  readonly node: Node;
}

export class CaveatChain {
  /** Root first, this credential's own node last. */
  readonly nodes: readonly [Node, ...Node[]];
  /** Every counted limit, root first. */
  readonly limits: readonly ChainLimit[];
  readonly texts: readonly CaveatText[];
  /** Unix seconds of the earliest `valid_until`; undefined where there is none. */
  readonly validUntil: number | undefined;
  readonly #judged: readonly Entry[];
  /** What denies every access: conditions nobody here knows, values nobody can read. */
  readonly #broken: readonly Refusal[];

  constructor({ caveats, vocabulary, paymentHash, placeId }: ChainOptions) {
    const read = caveats.map(vocabulary.read);
    let node = new Node(placeId && (() => placeId(0)));
    const nodes: [Node, ...Node[]] = [node];
    const texts: CaveatText[] = [];
    const judged: Entry[] = [];
    const limits: ChainLimit[] = [];
    const broken: Refusal[] = [];
    let agentsAfter = read.reduce(
      (count, caveat) => (caveat?.name === agent.name ? count + 1 : count),
      0,
    );
    let earliest: number | undefined;
    read.forEach((caveat, index) => {
      if (caveat === undefined) {
        broken.push(unreadable(node, "(no condition=value text)"));
        return;
      }
      const { name, text, value } = caveat;
      const condition = caveat.condition as Condition<unknown> | undefined;
      if (name === agent.name) {
        agentsAfter--;
        if (value !== undefined) {
          node = new Node(placeId && (() => placeId(index + 1)), (value as Agent).name);
          nodes.push(node);
        }
      }
      // Texts are shown and logged, and a preimage is half of a credential.
      texts.push({ condition: name, value: name === preimage.name ? "(not shown)" : text, node });
      if (condition === undefined) broken.push(unknown(node, name));
      else if (value === undefined) broken.push(unreadable(node, name));
      else {
        if (condition.prohibits !== undefined)
          judged.push({
            condition: condition as AnyCondition,
            value,
            place: { paymentHash, agentsAfter },
            node,
          });
        const limit = condition.limit?.(value);
        if (limit !== undefined) {
          const id = placeId?.(index + 1) ?? "";
          const expiry = earliest === undefined ? {} : { expiresAt: earliest };
          limits.push({ ...limit, ...expiry, id, condition: name, node });
        }
        if (name === validUntil.name)
          earliest = Math.min(earliest ?? Number.POSITIVE_INFINITY, value);
      }
    });
    this.nodes = nodes;
    this.limits = limits;
    this.texts = texts;
    this.validUntil = earliest;
    this.#judged = judged;
    this.#broken = broken;
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

  /** Every caveat that says no; empty is yes. Counted limits are the ledger's to judge. */
  refusals(access: Access): readonly Refusal[] {
    let refusals = this.#broken;
    for (const { condition, value, place, node } of this.#judged) {
      const denial = condition.prohibits!(value, access, place);
      if (denial !== undefined) refusals = [...refusals, refusal(node, condition.name, denial)];
    }
    return refusals;
  }
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

// The value and a strange name are the sender's text: neither is repeated. 64 characters might be a
// preimage. [case 19]
const unknown = (node: Node, name: string): Refusal =>
  refusal(node, /^[a-z0-9_]{1,63}$/.test(name) ? name : "(unprintable)", {
    code: "ERR_CAVEAT_UNKNOWN",
    have: "a condition that is not enforced here",
    need: "conditions that are",
  });

const unreadable = (node: Node, name: string): Refusal =>
  refusal(node, name, {
    code: "ERR_CAVEAT_MALFORMED",
    have: "a value that cannot be read",
    need: "a well-formed one",
  });
