/** What a treasury holds for its agents: full credentials that were paid for, and which of them may still be worth something. */
import { formatOrigin, type Target } from "../caveat/index.ts";
import { base64Bytes } from "../internal/bytes.ts";
import { Lru } from "../internal/lru.ts";
import { Credential, isSingleUse, type Verified } from "../l402/index.ts";
import { Macaroon, type UnverifiedMacaroon } from "../macaroon/index.ts";
import type { PaymentRecord, Store } from "../ports/store.ts";

export interface Holding {
  readonly record: PaymentRecord;
  /** Un-attenuated: never leaves the treasury. [case 25] */
  readonly full: Credential;
}

export class Holdings {
  readonly #store: Store;
  /** Payment hashes whose credential buys a single request, while that request has it. */
  readonly #taken = new Lru<string, true>(10_000);
  /** How often each was handed over or used. */
  readonly #given = new Lru<string, number>(10_000);

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Takes one that may cover this request: paid for by this node or by one above it, never by a sibling. What buys a
   * single request goes to one taker only.
   */
  async take(verified: Verified, target: Target, now: number): Promise<Holding | undefined> {
    const ids = verified.nodes.map(({ id }) => id).reverse();
    for (const record of await this.#store.purchases(ids, formatOrigin(target.origin))) {
      if (record.preimage === undefined || this.#taken.get(record.paymentHash)) continue;
      const holding = holdingOf(record);
      if ((holding.full.chain.validUntil ?? now) < now) await this.usedUp(holding);
      // Between this look and the taking nothing is awaited: nobody else can take it too.
      else if (mayServe(holding, verified, target, now) && !this.#taken.get(record.paymentHash)) {
        this.takeNew(record.paymentHash, holding.full.macaroon);
        return holding;
      }
    }
    return undefined;
  }

  /** Before a payment: what it buys is the payer's first, if it buys a single request. Whether it was free until now. */
  takeNew(paymentHash: string, macaroon: UnverifiedMacaroon): boolean {
    if (!isSingleUse(macaroon) || this.#taken.get(paymentHash)) return false;
    this.#taken.set(paymentHash, true);
    return true;
  }

  /** It was not served: the next request may have it. */
  giveBack(paymentHash: string): void {
    this.#taken.delete(paymentHash);
  }

  /** It is worth nothing any more. */
  async usedUp({ record }: Holding): Promise<void> {
    await this.#store.record({ ...record, status: "used" });
  }

  /** It was handed over, or a response came for it. */
  async given({ record, full }: Holding): Promise<void> {
    this.#given.set(record.paymentHash, this.timesGiven(record) + 1);
    const status = isSingleUse(full.macaroon) ? "used" : record.status;
    if (!record.delivered || status !== record.status)
      await this.#store.record({ ...record, status, delivered: true });
  }

  timesGiven({ paymentHash }: PaymentRecord): number {
    return this.#given.get(paymentHash) ?? 0;
  }

  async undelivered({ record }: Holding): Promise<void> {
    await this.#store.record({ ...record, status: "undelivered" });
  }
}

export function holdingOf(record: PaymentRecord): Holding {
  return { record, full: new Credential(Macaroon.decode(base64Bytes(record.macaroon)!), record.preimage!) };
}

/** Whether this request may be made with it: bought at this very origin, good for this, and charged to this agent's limits. */
export const mayServe = (holding: Holding, verified: Verified, target: Target, now: number): boolean =>
  mayCover(holding, target, now) && isChargedTo(verified, holding);

function mayCover({ full, record }: Holding, target: Target, now: number): boolean {
  if (record.origin !== formatOrigin(target.origin)) return false;
  if (full.refusals({ now, target }).length > 0) return false;
  const saysWhere = full.caveats.some(({ condition }) => condition === "endpoints");
  return saysWhere || (record.method === target.method && record.path === target.path);
}

/**
 * What is used up by using it was charged to the limits of whoever bought it. One that has a limit of its own below those
 * would use another's money past it, so it buys for itself. A pass for a time is not used up, and serves all below.
 */
function isChargedTo(verified: Verified, { full, record }: Holding): boolean {
  const isUsedUpByUse = full.caveats.some(({ condition }) => /^(?:max_uses|budget_msat)/.test(condition));
  return (
    !isUsedUpByUse || verified.limits.every(({ kind, id }) => kind !== "spend" || record.limitIds.includes(id))
  );
}
