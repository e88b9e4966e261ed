/** Under which id an order claims a use of its chain's limits. spec/4-purchase.md §4.2. */
import { hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import type { Order, OrderProgress } from "./order.ts";

/** How many answers of one order may be lost under one use. */
const MAX_LOST = 3;
const REMEMBERED = 10_000;

interface Counted {
  readonly claim: number;
  readonly lost: number;
  readonly last: OrderProgress;
}

/**
 * An order that is sent again because its answer was lost counts once. Without a bound, an agent
 * with `max_uses=1` would send one order for ever: so it counts anew once its answer has arrived,
 * and after some that were lost.
 */
export class OrderUses {
  readonly #counted = new Lru<string, Counted>(REMEMBERED);

  /** The same for each pass of an order until it counts anew. */
  idOf(order: Order): string {
    const name = nameOf(order);
    return `${name}.${this.#next(name).claim}`;
  }

  /** Records that the pass may have been served. */
  counted(order: Order): void {
    const name = nameOf(order);
    const { claim, lost } = this.#next(name);
    this.#counted.set(name, { claim, lost: lost + 1, last: order.progress });
  }

  #next(name: string): Pick<Counted, "claim" | "lost"> {
    const counted = this.#counted.get(name);
    if (counted === undefined) return { claim: 0, lost: 0 };
    const isOver = counted.last.reached || counted.lost >= MAX_LOST;
    return isOver ? { claim: counted.claim + 1, lost: 0 } : counted;
  }
}

const nameOf = ({ key, fingerprint }: Order): string =>
  hexText(sha256(utf8(`${key} ${fingerprint}`))).slice(0, 32);
