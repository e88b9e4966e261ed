/** Credentials that were paid for, and which order may use each of them. spec/4-purchase.md §4. */
import { endpoints, formatOrigin, type Target } from "../caveat/index.ts";
import { base64Bytes } from "../internal/bytes.ts";
import { Lru } from "../internal/lru.ts";
import { later, type Timer } from "../internal/timers.ts";
import { Credential, type Verified } from "../l402/index.ts";
import { Macaroon } from "../macaroon/index.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";

export interface PaidCredential {
  readonly record: PaymentRecord;
  /** Not narrowed, so it never leaves the treasury. [case 25] */
  readonly full: Credential;
}

/** Longer than any order takes: a claim that is older belongs to a process that died. */
const CLAIM_SECONDS = 900;
/** Longer than an answer takes to reach the agent. */
const HANDING_OVER_MS = 500;

export const claimFor = (isSingleUse: boolean, by: string, now: number): PaymentRecord["claim"] =>
  isSingleUse ? { by, until: now + CLAIM_SECONDS } : undefined;

/** What a single use buys goes to one order only, which claims it. */
export class Bought {
  readonly #store: Store;
  /** Payment hashes of what was handed over in this period and in the period before it. */
  #young = new Set<string>();
  #old = new Set<string>();
  #timer: Timer | undefined;
  /** By payment hash: how often this process handed the credential over or used it. */
  readonly #given = new Lru<string, number>(10_000);

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Finds a credential that may cover a request, paid for by the node itself or by a node above it,
   * never by a sibling. A credential for a single request is claimed.
   *
   * @param by the order that claims it
   */
  async take(
    verified: Verified,
    target: Target,
    now: number,
    by: string,
  ): Promise<PaidCredential | undefined> {
    const ids = verified.nodes.map(({ id }) => id).reverse();
    const { method, path } = target;
    const query = { origin: formatOrigin(target.origin), method, path };
    for (const record of await this.#store.purchases(ids, query)) {
      if (record.preimage === undefined || isClaimedByAnother(record, by, now)) continue;
      const paid = paidCredentialOf(record);
      if ((paid.full.chain.validUntil ?? now) < now) await this.usedUp(paid);
      else if (mayServe(paid, verified, target, now) && (await this.#claim(paid, by, now)))
        return paid;
    }
    return undefined;
  }

  async #claim({ record, full }: PaidCredential, by: string, now: number): Promise<boolean> {
    const claim = claimFor(full.chain.isSingleUse, by, now);
    return claim === undefined || this.#store.claim(record.paymentHash, by, now, claim.until);
  }

  /**
   * Whether an order is using the credential at this moment. A credential that was handed over is
   * not in use: its agent may report what became of it.
   */
  isInUse({ paymentHash, status, claim }: PaymentRecord, now: number): boolean {
    const isClaimed = status === "paid" && claim !== undefined && claim.until > now;
    return isClaimed && !this.#young.has(paymentHash) && !this.#old.has(paymentHash);
  }

  /** Ends an order's claim: nothing was served, so the next order may use the credential. */
  async giveBack({ paymentHash }: PaymentRecord, by: string): Promise<void> {
    await this.#store.mark(paymentHash, { unclaim: by });
  }

  /**
   * Gives back a credential whose use the service answered without consuming it. A service with
   * another rule may have counted the use, so a later refusal of the credential proves nothing.
   */
  async refused({ record: { paymentHash } }: PaidCredential, by: string): Promise<void> {
    this.#given.set(paymentHash, Number.POSITIVE_INFINITY);
    await this.#store.mark(paymentHash, { unclaim: by, delivered: true });
  }

  /** Records that the credential is of no use any more. */
  async usedUp({ record }: PaidCredential): Promise<void> {
    await this.#store.mark(record.paymentHash, { status: "used" });
  }

  /** Records that the service answered it. */
  async served({ record, full }: PaidCredential): Promise<void> {
    this.#count(record);
    const isUsed = full.chain.isSingleUse;
    if (!record.delivered || isUsed)
      await this.#store.mark(record.paymentHash, {
        delivered: true,
        ...(isUsed && { status: "used" }),
      });
  }

  /**
   * Records that the credential was handed over. A credential for a single request counts as used a
   * moment later: if this process dies before its answer reaches the agent, the agent's next order
   * still finds it. Until then it stays claimed. [case 72]
   */
  async handedOver({ record, full }: PaidCredential): Promise<void> {
    this.#count(record);
    const { paymentHash } = record;
    if (!full.chain.isSingleUse) {
      if (!record.delivered) await this.#store.mark(paymentHash, { delivered: true });
      return;
    }
    this.#young.add(paymentHash);
    this.#wait();
  }

  #wait(): void {
    if (this.#timer !== undefined) return;
    this.#timer = later(HANDING_OVER_MS, () => {
      this.#timer = undefined;
      void this.#end(this.#old);
      [this.#old, this.#young] = [this.#young, new Set()];
      if (this.#old.size > 0) this.#wait();
    });
  }

  /**
   * Written together, so that a store commits once. What cannot be written is offered to one more
   * order, and the service says that it was used.
   */
  async #end(paymentHashes: ReadonlySet<string>): Promise<void> {
    const mark = { delivered: true, status: "used" } as const;
    await Promise.allSettled([...paymentHashes].map((hash) => this.#store.mark(hash, mark)));
  }

  /** Writes the pending marks of what was handed over, before the process ends. */
  async flushHandedOver(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const all = new Set([...this.#old, ...this.#young]);
    [this.#old, this.#young] = [new Set(), new Set()];
    await this.#end(all);
  }

  #count({ paymentHash }: PaymentRecord): void {
    this.#given.set(paymentHash, (this.#given.get(paymentHash) ?? 0) + 1);
  }

  /** Whether more than one order may have used it, those of an earlier process included. */
  wasShared({ paymentHash, delivered }: PaymentRecord): boolean {
    const times = this.#given.get(paymentHash) ?? 0;
    return times > 1 || (times === 0 && delivered);
  }

  /**
   * Records that the service did not deliver.
   *
   * @param closed the node that its origin is closed to, and until when (Unix seconds)
   */
  async undelivered(
    { record }: PaidCredential,
    closed: NonNullable<PaymentRecord["closed"]>,
  ): Promise<void> {
    await this.#store.mark(record.paymentHash, { status: "undelivered", closed });
  }
}

export function paidCredentialOf(record: PaymentRecord): PaidCredential {
  return {
    record,
    full: Credential.paid(Macaroon.decode(base64Bytes(record.macaroon)!), record.preimage!),
  };
}

const isClaimedByAnother = ({ claim }: PaymentRecord, by: string, now: number): boolean =>
  claim !== undefined && claim.by !== by && claim.until > now;

/**
 * Whether a credential was bought at the request's origin, covers it, and may be used by the node.
 */
export const mayServe = (
  paid: PaidCredential,
  verified: Verified,
  target: Target,
  now: number,
): boolean => mayCover(paid, target, now) && isChargedTo(verified, paid);

function mayCover({ full, record }: PaidCredential, target: Target, now: number): boolean {
  if (record.origin !== formatOrigin(target.origin)) return false;
  if (full.certainRefusals({ now, target }).length > 0) return false;
  return (
    full.chain.has(endpoints) || (record.method === target.method && record.path === target.path)
  );
}

/**
 * A metered credential was charged to the limits of the node that bought it. A node below that has
 * a limit of its own in the same unit would spend past it, so it buys for itself. A time pass
 * serves every node below.
 */
function isChargedTo(verified: Verified, { full, record }: PaidCredential): boolean {
  return (
    !full.chain.isUsedUpByUse ||
    verified.limits.every(
      ({ kind, unit, id }) =>
        kind !== "spend" || unit !== record.amount.unit || record.limitIds.includes(id),
    )
  );
}
