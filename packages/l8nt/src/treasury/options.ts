/** What a treasury is made of. */

import type { Duration } from "../caveat/index.ts";
import { readMaxSilence } from "../feed/follow.ts";
import type { OutboundLimits } from "../http/outbound.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Secret } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { PaymentSummary } from "../ports/treasury.ts";
import type { Payer } from "../ports/wallet.ts";
import type { InFlightCaps } from "./in-flight.ts";

export interface TreasuryOptions {
  /** 32 random bytes or more, or their hex. */
  readonly secret: Secret;
  readonly previousSecrets?: readonly Secret[];
  /** The URL where agents reach this treasury: it goes into their credentials. */
  readonly location: string;
  /**
   * Pays. A function where it is to be opened at the first payment, and again only where that
   * failed.
   */
  readonly wallet: Payer | (() => Promise<Payer>);
  /** In memory where it is not given: then a restart forgets what was spent. */
  readonly store?: Store;
  /**
   * This process among those that share a store: the same again after a restart. Random where it is
   * not given.
   */
  readonly instance?: string;
  /**
   * How requests reach services. Public addresses only, where it is not given: see `guardedFetch`.
   */
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  /**
   * The most that routing one payment may cost. The larger of 3 sat and 1 % where it is not given.
   */
  readonly maxFeeMsat?: (amountMsat: bigint) => bigint;
  readonly maxInFlight?: InFlightCaps;
  /**
   * Whether a service keeps the payee of its first payment, until the owner allows another. It does
   * where this is not given.
   */
  readonly pinsPayees?: boolean;
  /** The most that a service is paid the first time. No cap where it is not given. */
  readonly maxFirstPaymentMsat?: bigint;
  readonly paymentTimeoutSeconds?: number;
  /** Until a service has begun to answer. 30 where it is not given. */
  readonly requestTimeoutSeconds?: number;
  /**
   * Of a relayed answer: 64 MiB, 60 s without a byte and an hour in all where they are not given.
   */
  readonly maxRelayBytes?: number;
  readonly relayIdleSeconds?: number;
  readonly relaySeconds?: number;
  /** How long a service that took a payment and did not deliver is paid nothing. */
  readonly quarantineSeconds?: number;
  /**
   * With a shared store: how long the log of revocations may be unreadable before every credential is
   * denied with `ERR_REVOCATION_UNKNOWN`. Two seconds or more.
   *
   * @default "10s"
   */
  readonly maxSilence?: Duration;
  /** Told of each payment once it is written down: time to make its receipt. */
  readonly onPaid?: (payment: PaymentSummary) => void;
  /** Told what a person should look at. */
  readonly alarm?: (what: string) => void;
}

const OPTIONS = {
  secret: true,
  previousSecrets: true,
  location: true,
  wallet: true,
  store: true,
  instance: true,
  fetch: true,
  clock: true,
  maxFeeMsat: true,
  maxInFlight: true,
  pinsPayees: true,
  maxFirstPaymentMsat: true,
  paymentTimeoutSeconds: true,
  requestTimeoutSeconds: true,
  maxRelayBytes: true,
  relayIdleSeconds: true,
  relaySeconds: true,
  quarantineSeconds: true,
  maxSilence: true,
  onPaid: true,
  alarm: true,
} satisfies Keys<TreasuryOptions>;
const CAPS = {
  perNode: true,
  perNodeMsat: true,
  perOrigin: true,
  perOriginMsat: true,
} satisfies Keys<InFlightCaps>;

/**
 * @throws TypeError for an option that there is not: a limit that is misspelt limits nothing. [case
 * 97]
 */
export function checkOptions(options: TreasuryOptions): void {
  checkKeys(options, OPTIONS, "a treasury");
  readMaxSilence(options.maxSilence, "a treasury's maxSilence");
  if (options.maxInFlight !== undefined)
    checkKeys(options.maxInFlight, CAPS, "a treasury's maxInFlight");
}

/** The limits of a treasury as numbers. */
export interface SpendingPolicy {
  /** The most that routing one payment may cost, in msat. */
  readonly maxFeeMsat: (amountMsat: bigint) => bigint;
  readonly maxInFlight: InFlightCaps;
  readonly pinsPayees: boolean;
  readonly maxFirstPaymentMsat: bigint | undefined;
  readonly paymentTimeoutSeconds: number;
  readonly quarantineSeconds: number;
  readonly outbound: OutboundLimits;
}

export const policyOf = (options: TreasuryOptions): SpendingPolicy => ({
  maxFeeMsat: options.maxFeeMsat ?? defaultMaxFee,
  maxInFlight: options.maxInFlight ?? {},
  pinsPayees: options.pinsPayees ?? true,
  maxFirstPaymentMsat: options.maxFirstPaymentMsat,
  paymentTimeoutSeconds: options.paymentTimeoutSeconds ?? 60,
  quarantineSeconds: options.quarantineSeconds ?? 600,
  outbound: {
    headSeconds: options.requestTimeoutSeconds ?? 30,
    body: {
      maxBytes: options.maxRelayBytes ?? 64 * 1024 * 1024,
      idleSeconds: options.relayIdleSeconds ?? 60,
      totalSeconds: options.relaySeconds ?? 3600,
    },
  },
});

const defaultMaxFee = (amountMsat: bigint): bigint =>
  amountMsat / 100n > 3000n ? amountMsat / 100n : 3000n;
