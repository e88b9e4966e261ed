/**
 * The orders of one node in this process: which of them run, and which were answered.
 * spec/4-purchase.md §2.
 */
import { formatOrigin, type Target } from "../caveat/target.ts";
import { utf8 } from "../internal/bytes.ts";
import { sha256Hex } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import { timedId } from "../internal/timed-id.ts";
import type { Credential } from "../l402/index.ts";
import type { PaymentSummary } from "../ports/treasury.ts";

/** The most ids that one message names. */
const MAX_NAMED = 64;
/** Bodies that the caller leaves unread. The oldest one beyond them counts as read. */
const MAX_OPEN_BODIES = 64;
const MAX_NODES = 1024;
const MAX_REPORTED = 4096;
/** Beyond them the oldest is forgotten, which costs a later order one more exchange. */
const MAX_ANSWERED = 1024;

/**
 * The id of an order whose request has an `Idempotency-Key` of the caller's: the same in each
 * process.
 */
export const namedOrder = (key: string, method: string, url: URL): string =>
  sha256Hex(utf8(`order\n${method}\n${url.origin}${url.pathname}${url.search}\n${key}`));

/**
 * The id of any other order. It need not be hard to guess: the treasury knows an order by its node
 * and its id, so the id names nothing of another node.
 *
 * @param now Unix seconds
 */
export const newOrderId = (now: number): string => timedId(now);

/** One logical request that may cost money. */
export class Order {
  readonly id: string;
  /** Whether the caller can ask for the same order again, by its `Idempotency-Key`. */
  readonly isNamed: boolean;
  readonly target: Target;
  readonly orders: Orders;
  #running = 0;

  constructor(orders: Orders, id: string, isNamed: boolean, target: Target) {
    this.orders = orders;
    this.id = id;
    this.isNamed = isNamed;
    this.target = target;
  }

  /**
   * Counts the order as under way until the returned function is called: nothing that was bought
   * for it is given to another order meanwhile.
   */
  begin(): () => void {
    if (this.#running++ === 0) this.orders.began(this);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (--this.#running === 0) this.orders.ended(this);
    };
  }

  /** Records that the agent has the answer. The treasury is told with the next order. */
  answered(): void {
    this.orders.answered(this);
  }
}

export class Orders {
  /** By id, in the order in which they began. */
  readonly #underWay = new Map<string, Order>();
  /** Answered, and not yet known to the treasury: id and origin. */
  readonly #answered = new Map<string, string>();
  readonly #bodies = new Set<() => void>();
  /** Payment hashes of payments that a client was told of. */
  readonly #reported = new Lru<string, true>(MAX_REPORTED);

  open(id: string, isNamed: boolean, target: Target): Order {
    return this.#underWay.get(id) ?? new Order(this, id, isNamed, target);
  }

  began(order: Order): void {
    this.#underWay.set(order.id, order);
  }

  ended(order: Order): void {
    this.#underWay.delete(order.id);
  }

  answered({ id, target }: Order): void {
    this.#answered.set(id, formatOrigin(target.origin));
    if (this.#answered.size > MAX_ANSWERED) this.#answered.delete(firstOf(this.#answered.keys())!);
  }

  /**
   * Watches a body that the caller may leave unread.
   *
   * @param read called if there are too many of them, as if the caller had read this one
   * @returns a function that ends the watch
   */
  watchBody(read: () => void): () => void {
    this.#bodies.add(read);
    if (this.#bodies.size > MAX_OPEN_BODIES) firstOf(this.#bodies)!();
    return () => void this.#bodies.delete(read);
  }

  /** Whether a payment is reported for the first time: the same order may be sent again. */
  isNews({ paymentHash }: PaymentSummary): boolean {
    const isNews = this.#reported.get(paymentHash) === undefined;
    this.#reported.set(paymentHash, true);
    return isNews;
  }

  /** What the treasury is told with an order. */
  toldWith({ id, target }: Order): {
    readonly answered?: readonly string[];
    readonly underWay?: readonly string[];
  } {
    const here = formatOrigin(target.origin);
    const rows = [...this.#answered].filter(([one]) => one !== id);
    const answered = [
      ...rows.filter(([, origin]) => origin === here),
      ...rows.filter(([, origin]) => origin !== here),
    ]
      .slice(0, MAX_NAMED)
      .map(([one]) => one);
    const underWay = [...this.#underWay.values()]
      .filter((other) => other.id !== id && isSame(other.target, target))
      .slice(-MAX_NAMED)
      .map((other) => other.id);
    return {
      ...(answered.length > 0 && { answered }),
      ...(underWay.length > 0 && { underWay }),
    };
  }

  /** Answered orders of which the treasury does not know it, as many as one message names. */
  untold(): readonly string[] {
    return [...this.#answered.keys()].slice(0, MAX_NAMED);
  }

  /** Forgets ids that the treasury knows. */
  acknowledged(ids: readonly string[]): void {
    for (const id of ids) this.#answered.delete(id);
  }
}

/** By node: a process may make a client for each request, and the treasury knows only the node. */
const ofNodes = new Lru<string, Orders>(MAX_NODES);
const ofCredentials = new WeakMap<Credential, Orders>();

/** The orders of a credential's node in this process. */
export function ordersOf(credential: Credential): Orders {
  const known = ofCredentials.get(credential) ?? ordersOfNode(credential);
  ofCredentials.set(credential, known);
  return known;
}

function ordersOfNode(credential: Credential): Orders {
  const { location, body, chain } = credential;
  const opening =
    chain.nodes.length === 1 ? -1 : chain.texts.findIndex(({ node }) => node === chain.node);
  const path = chain.texts
    .slice(0, opening + 1)
    .map(({ condition, value }) => `${condition}=${value}`);
  const key = sha256Hex(utf8(JSON.stringify([location, body.rootId, ...path])));
  const known = ofNodes.get(key);
  if (known !== undefined) return known;
  const orders = new Orders();
  ofNodes.set(key, orders);
  return orders;
}

const isSame = (a: Target, b: Target): boolean =>
  a.method === b.method && a.path === b.path && formatOrigin(a.origin) === formatOrigin(b.origin);

function firstOf<Value>(values: Iterable<Value>): Value | undefined {
  for (const value of values) return value;
  return undefined;
}
