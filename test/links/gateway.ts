/**
 * A proxy between the payer's side and the service, in a process of its own: it breaks the first
 * exchange in which the thing of a cell is paid for, and passes every other one on.
 */
import type { Between, Served } from "./cells.ts";
import { type Exchange, Link } from "./link.ts";
import { THING, thingIn } from "./shop.ts";

export interface GatewayOrders {
  /** Of the service. */
  readonly upstream: string;
  readonly between: Between;
  readonly served: Served;
}

export class Gateway {
  /** Whether the exchange was broken. */
  hasBroken = false;
  readonly #link: Link;
  readonly #orders: GatewayOrders;
  #letGiveUp = () => {};
  /** Resolves when the gateway is to answer in the service's place. */
  readonly #mayGiveUp = new Promise<void>((resolve) => {
    this.#letGiveUp = resolve;
  });
  #end = () => {};
  /** Resolves once it has answered in the service's place. */
  readonly #gaveUp = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  private constructor(link: Link, orders: GatewayOrders) {
    this.#link = link;
    this.#orders = orders;
    link.upstream = orders.upstream;
    link.next((exchange) => this.#break(exchange));
  }

  static async open(orders: GatewayOrders): Promise<Gateway> {
    const link = await Link.open(
      ({ isPaid, target, body }) => isPaid && thingIn(target, body) === THING,
    );
    return new Gateway(link, orders);
  }

  get url(): string {
    return this.#link.url;
  }

  giveUp(): Promise<void> {
    this.#letGiveUp();
    return this.#gaveUp;
  }

  async #break(exchange: Exchange): Promise<void> {
    const { between, served } = this.#orders;
    const isForwarded = served !== "not served";
    if (between.at === "gateway") {
      // Its own connection to the service lives on, and the answer is thrown away.
      if (isForwarded) {
        void exchange.forward({ outlives: true });
        await this.#mayGiveUp;
      }
      this.hasBroken = true;
      await exchange.reply(between.status);
      return this.#end();
    }
    const answer = isForwarded ? await exchange.forward() : undefined;
    this.hasBroken = true;
    if (answer === undefined || between.when === "before the head") return exchange.reset();
    await exchange.cut(answer, between.when === "in the body" ? "body" : between.when, "RST");
  }
}
