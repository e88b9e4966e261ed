/** A treasury across HTTP, as a client uses it. */
import { AdapterError } from "../errors.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import {
  EMBEDDED_LOCATION,
  type NodeStanding,
  type Purchase,
  type PurchaseRequest,
  type Treasurer,
} from "../ports/treasury.ts";
import { ownStanding, ownTree } from "../wire/nodes.ts";
import { isRelayed, orderOf, purchase, readPurchase } from "../wire/purchase.ts";
import { ownReceipts } from "../wire/receipts.ts";
import { revocation } from "../wire/revocation.ts";
import { TreasuryHttp } from "./treasury-http.ts";

/** Serves credentials that name this location. Their text is sent there and nowhere else. */
export class RemoteTreasury implements Treasurer {
  readonly #treasury: TreasuryHttp;

  /**
   * @throws AdapterError `ERR_REQUEST` for a location that is not a URL, or for plain HTTP to
   * another machine
   */
  constructor(location: string, fetcher: typeof fetch) {
    if (location === EMBEDDED_LOCATION)
      throw new AdapterError(
        "ERR_TREASURY",
        "The credential comes from a client whose treasury is inside its own process. To let other processes use it, give that client `treasury: { location }` and serve `treasuryApi(client.treasury)` there.",
      );
    this.#treasury = new TreasuryHttp(location, fetcher);
  }

  async buy(order: PurchaseRequest): Promise<Purchase> {
    const treasury = this.#treasury;
    const given = { body: orderOf(order) };
    const response = await treasury.send(purchase, order.credential, given, true);
    if (response.status !== 200 && !isRelayed(response))
      throw await treasury.failure(response, true);
    return treasury.understand(() => readPurchase(response, new URL(order.url).origin), true);
  }

  async revoke(credential: string, caveats: readonly string[]): Promise<string> {
    return (await this.#treasury.ask(revocation, credential, { body: { caveats } })).node;
  }

  async standing(credential: string): Promise<readonly NodeStanding[]> {
    return (await this.#treasury.ask(ownStanding, credential, {})).nodes;
  }

  async tree(credential: string): Promise<readonly NodeStanding[]> {
    return (await this.#treasury.ask(ownTree, credential, {})).nodes;
  }

  async receipts(credential: string, after: number, limit: number): Promise<readonly ReceiptRow[]> {
    return (await this.#treasury.ask(ownReceipts, credential, { query: { after, limit } }))
      .receipts;
  }
}
