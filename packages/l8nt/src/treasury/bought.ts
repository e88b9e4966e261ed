/**
 * What a treasury holds for its agents: full credentials that were paid for, and which of them may
 * still be worth something.
 */
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
  /** Un-attenuated: never leaves the treasury. [case 25] */
  readonly full: Credential;
}

/** Longer than any request: after that, whoever had it is gone. */
const CLAIM_SECONDS = 900;
/** Longer than it takes an answer to leave. */
const IN_HAND_MS = 500;

export const claimFor = (isSingleUse: boolean, by: string, now: number): PaymentRecord["claim"] =>
  isSingleUse ? { by, until: now + CLAIM_SECONDS } : undefined;

export class Bought {
  readonly #store: Store;
  /** Payment hashes of what was handed over in this period, and in the one before. */
  #young = new Set<string>();
  #old = new Set<string>();
  #timer: Timer | undefined;
  /** How often each was handed over or used by this process. */
  readonly #given = new Lru<string, number>(10_000);

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Takes one that may cover this request: paid for by this node or by one above it, never by a
   * sibling. What buys a single request goes to one taker only.
   *
   * @param by who takes it
   */
  async take(
    verified: Verified,
    target: Target,
    now: number,
    by: string,
  ): Promise<PaidCredential | undefined> {
    const ids = verified.nodes.map(({ id }) => id).reverse();
    for (const record of await this.#store.purchases(ids, formatOrigin(target.origin))) {
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
   * Whether a request has it at this moment. What was handed over is with its agent, who may say
   * what became of it.
   */
  isInUse({ paymentHash, status, claim }: PaymentRecord, now: number): boolean {
    const isClaimed = status === "paid" && claim !== undefined && claim.until > now;
    return isClaimed && !this.#young.has(paymentHash) && !this.#old.has(paymentHash);
  }

  /** It was not served: the next request may have it. */
  async giveBack({ paymentHash }: PaymentRecord, by: string): Promise<void> {
    await this.#store.mark(paymentHash, { unclaim: by });
  }

  /** It is worth nothing any more. */
  async usedUp({ record }: PaidCredential): Promise<void> {
    await this.#store.mark(record.paymentHash, { status: "used" });
  }

  /** A response came for it. */
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
   * It was handed over. What buys a single request counts as used a moment later: if this process
   * dies before its answer has left, the agent asks again, and what it was to have is still there.
   * Until then it is claimed, and nobody else's. [case 72]
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
    this.#timer = later(IN_HAND_MS, () => {
      this.#timer = undefined;
      void this.#end(this.#old);
      [this.#old, this.#young] = [this.#young, new Set()];
      if (this.#old.size > 0) this.#wait();
    });
  }

  /**
   * Together, so that a store writes once. What cannot be written down is offered once more, and
   * the service says that it is used.
   */
  async #end(paymentHashes: ReadonlySet<string>): Promise<void> {
    const mark = { delivered: true, status: "used" } as const;
    await Promise.allSettled([...paymentHashes].map((hash) => this.#store.mark(hash, mark)));
  }

  /** What was handed over has left: before a process ends in peace. */
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

  /**
   * Whether it was given to more than one request, or may have been, by a process before this one.
   */
  wasShared({ paymentHash, delivered }: PaymentRecord): boolean {
    const times = this.#given.get(paymentHash) ?? 0;
    return times > 1 || (times === 0 && delivered);
  }

  /** @param closed whom its origin is paid nothing for, and until when */
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
 * Whether this request may be made with it: bought at this very origin, good for this, and charged
 * to this agent's limits.
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
 * What is used up by using it was charged to the limits of whoever bought it. One that has a limit
 * of its own below those would use another's money past it, so it buys for itself. A pass for a
 * time is not used up, and serves all below.
 */
function isChargedTo(verified: Verified, { full, record }: PaidCredential): boolean {
  return (
    !full.chain.isUsedUpByUse ||
    verified.limits.every(({ kind, id }) => kind !== "spend" || record.limitIds.includes(id))
  );
}
