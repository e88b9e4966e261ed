/**
 * What was bought: a macaroon of ours, or the token of another L402 server. The only place that
 * tells what a purchase is good for. spec/4-purchase.md §4.4.
 */
import { type CaveatChain, endpoints, formatOrigin, type Target } from "../caveat/index.ts";
import { unverifiedChain } from "../credential/index.ts";
import { Credential } from "../l402/index.ts";
import { type Token, tokenOf } from "../l402/token.ts";
import { MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";
import type { PaymentRecord } from "../ports/payments.ts";

export class PaidCredential {
  readonly record: PaymentRecord;
  /** Undefined for an opaque token. Not narrowed, so it never leaves the treasury. [case 25] */
  readonly full: Credential | undefined;
  readonly #token: Token;

  /** @param record of a payment that has its preimage */
  constructor(record: PaymentRecord) {
    const token = tokenOf(record.token);
    this.record = record;
    this.#token = token;
    this.full =
      token.form === "macaroon" ? Credential.paid(token.macaroon, record.preimage!) : undefined;
  }

  /** Whether it serves a single request, and so belongs to one order. */
  get isSingleUse(): boolean {
    return this.full?.chain.isSingleUse ?? false;
  }

  /** Whether a use reduces what it allows. Of an opaque token nobody knows, so it may. */
  get isUsedUpByUse(): boolean {
    return this.full?.chain.isUsedUpByUse ?? true;
  }

  /** Unix seconds of the service's clock, at every service that it is for. */
  get #end(): number {
    return endOf(this.full?.chain);
  }

  /**
   * Whether it has ended by the clocks as they were when it was bought. One of them may have been
   * set since, so it is presented for a while, and the service decides.
   *
   * @param now Unix seconds by our clock
   */
  isPastEnd(now: number): boolean {
    return serviceTime(this.record, now) >= this.#end;
  }

  /** Whether it has ended whatever the clocks are by now. @param now Unix seconds by our clock */
  hasExpired(now: number): boolean {
    return this.isPastEnd(now - MAX_CLOCK_SKEW_SECONDS);
  }

  /**
   * Whether it may cover a request: what its caveats allow, as far as they are known here. If they
   * name neither endpoints nor services, and for an opaque token, nothing says what it covers, and
   * other paths of the origin may be another party's: it is for the method and the path that it was
   * bought for.
   *
   * @param now Unix seconds by our clock
   */
  mayCover(target: Target, now: number): boolean {
    const { record, full } = this;
    if (record.origin !== formatOrigin(target.origin) || this.hasExpired(now)) return false;
    const isSaid = full !== undefined && saysWhatItCovers(full.chain);
    if (!isSaid && !this.isOfPath(target)) return false;
    if (full === undefined) return true;
    const at = this.isPastEnd(now) ? this.#end - 1 : serviceTime(record, now);
    return full.certainRefusals({ now: at, target }).length === 0;
  }

  /**
   * Whether only its service knows if it covers a request: it names services and no endpoints, and
   * was bought for another path or method.
   */
  isDoubtfulFor(target: Target): boolean {
    return !(this.full?.chain.has(endpoints) ?? false) && !this.isOfPath(target);
  }

  /** Whether it was bought for the same method and path. What GET bought is good for HEAD. */
  isOfPath({ method, path }: Target): boolean {
    const { record } = this;
    const isOfMethod = record.method === method || (method === "HEAD" && record.method === "GET");
    return isOfMethod && record.path === path;
  }

  /** The text that presents an opaque token. */
  get opaqueText(): string {
    return `${this.#token.text}:${this.record.preimage}`;
  }
}

/** Decoded once for as long as a store keeps the record: an order may read hundreds of them. */
const decoded = new WeakMap<PaymentRecord, PaidCredential>();

export function paidCredentialOf(record: PaymentRecord): PaidCredential {
  let paid = decoded.get(record);
  if (paid === undefined) {
    paid = new PaidCredential(record);
    decoded.set(record, paid);
  }
  return paid;
}

/** Our time as the service of a purchase sees it, in Unix seconds. */
export const serviceTime = (
  { skewSeconds = 0 }: Pick<PaymentRecord, "skewSeconds">,
  now: number,
): number => now + skewSeconds;

const endOf = (chain: CaveatChain | undefined): number =>
  Math.min(
    chain?.validUntil ?? Number.POSITIVE_INFINITY,
    (chain && serviceEnd(chain)) ?? Number.POSITIVE_INFINITY,
  );

/** When a token for sale ends, in Unix seconds of the service's clock. */
export const endOfSale = (token: Token): number =>
  endOf(
    token.form === "opaque"
      ? undefined
      : unverifiedChain(token.macaroon.caveats, token.identifier.paymentHash),
  );

/**
 * Whether a token for sale may cover other paths or methods than the one that it is bought for, so
 * that it has to be found for those too. What HEAD bought may be for GET.
 */
export function coversOthers(token: Token, { method }: Target): boolean {
  if (token.form === "opaque") return false;
  const chain = unverifiedChain(token.macaroon.caveats, token.identifier.paymentHash);
  return saysWhatItCovers(chain) && (method === "HEAD" || !isForOneEndpoint(chain));
}

const saysWhatItCovers = (chain: CaveatChain): boolean =>
  chain.has(endpoints) || chain.entries.some(({ condition }) => condition.servicesOf !== undefined);

/**
 * Whether the credential is for one method at one path, by a condition on endpoints; with GET also
 * for HEAD.
 */
const isForOneEndpoint = ({ entries }: CaveatChain): boolean =>
  entries.some(({ condition, value }) => condition.isOneEndpoint?.(value));

/** Unix seconds at which the last of the services that it is for ends it. */
const serviceEnd = ({ lastEnd }: CaveatChain): number | undefined =>
  lastEnd?.condition.endsAt?.(lastEnd.value)?.until;
