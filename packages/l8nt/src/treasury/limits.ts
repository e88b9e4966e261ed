/** The limits of a treasury as people write them, in options and in config.json. */
import type { AmountText } from "../amount.ts";
import { type Duration, durationSeconds } from "../caveat/duration.ts";
import { readMaxSilence } from "../feed/max-silence.ts";
import type { OutboundLimits } from "../http/outbound.ts";
import { checkKeys, type Keys, unknownKey } from "../internal/keys.ts";
import { keepSeconds } from "../ledger/index.ts";
import { DEFAULT_MAX_FEE, type MaxFee, readMaxFee, readMsatOption } from "./fee.ts";

/** How much may be in flight at one time. */
export interface InFlightOptions {
  /**
   * Payments of one agent and all below it. The root of a tree has no such limit.
   *
   * @default 64
   */
  readonly perNode?: number;
  /** The amount of these payments, fees included. @default no limit */
  readonly perNodeAmount?: AmountText;
  /** Payments to one origin, of all agents. @default 256 */
  readonly perOrigin?: number;
  /** The amount of these payments, fees included. @default no limit */
  readonly perOriginAmount?: AmountText;
}

export interface TreasuryLimits {
  /**
   * The most that routing one payment may cost: a share of the payment, an amount, or the larger of
   * both. It is reserved with the payment, and given to the wallet.
   *
   * @default "1 % or 3 sat"
   */
  readonly maxFee?: MaxFee;
  /**
   * The payments that may be in flight at one time.
   *
   * @default { "perNode": 64, "perOrigin": 256 }
   */
  readonly maxInFlight?: InFlightOptions;
  /**
   * Orders under way at one time, of all agents. One agent, with all below it, has a part of them:
   * half of what its siblings leave of its parent's part; the root of a tree, half of all.
   *
   * @default 1024; no limit for the treasury in a `Client`
   */
  readonly maxOrders?: number;
  /**
   * Whether a service keeps the payee of its first payment until the owner allows another.
   *
   * @default true
   */
  readonly pinsPayees?: boolean;
  /** The most that a service is paid the first time. @default no limit */
  readonly maxFirstPayment?: AmountText;
  /** How long the wallet may take to pay. @default "60s" */
  readonly paymentTimeout?: Duration;
  /** How long a service may take to begin its answer. @default "30s" */
  readonly requestTimeout?: Duration;
  /** The most bytes of a relayed answer. @default 67108864 (64 MiB) */
  readonly maxRelayBytes?: number;
  /** How long a relayed answer may pause. @default "60s" */
  readonly relayIdleTimeout?: Duration;
  /** How long a relayed answer may take in all. @default "1h" */
  readonly relayTimeout?: Duration;
  /** How long a service that refused what was paid for is not paid. @default "10m" */
  readonly quarantine?: Duration;
  /**
   * If several processes share the store: how long its log of revocations may be unreadable before
   * every credential is denied with `ERR_REVOCATION_UNKNOWN`. Two seconds or more.
   *
   * @default "10s"
   */
  readonly maxSilence?: Duration;
  /**
   * How long the journal keeps its entries, an hour or more. What is older is summed up in a signed
   * checkpoint and removed, with the counters of credentials that have ended. Payments and receipts
   * stay.
   *
   * @default "90d"
   */
  readonly keep?: Duration;
}

export const LIMIT_KEYS = {
  maxFee: true,
  maxInFlight: true,
  maxOrders: true,
  pinsPayees: true,
  maxFirstPayment: true,
  paymentTimeout: true,
  requestTimeout: true,
  maxRelayBytes: true,
  relayIdleTimeout: true,
  relayTimeout: true,
  quarantine: true,
  maxSilence: true,
  keep: true,
} satisfies Keys<TreasuryLimits>;

const IN_FLIGHT_KEYS = {
  perNode: true,
  perNodeAmount: true,
  perOrigin: true,
  perOriginAmount: true,
} satisfies Keys<InFlightOptions>;

export const DEFAULT_MAX_ORDERS = 1024;

/** The limits as numbers. */
export interface SpendingPolicy {
  /** The most that routing one payment may cost, in msat. */
  readonly maxFeeMsat: (amountMsat: bigint) => bigint;
  readonly maxInFlight: InFlightCaps;
  readonly maxOrders: number;
  readonly pinsPayees: boolean;
  readonly maxFirstPaymentMsat: bigint | undefined;
  readonly paymentTimeoutSeconds: number;
  readonly quarantineSeconds: number;
  readonly keepSeconds: number;
  readonly outbound: OutboundLimits;
}

export interface InFlightCaps {
  readonly perNode: number;
  readonly perNodeMsat: bigint | undefined;
  readonly perOrigin: number;
  readonly perOriginMsat: bigint | undefined;
}

/**
 * Checks limits that were read from a file, so that a mistake in it is reported before anything is
 * opened.
 *
 * @param file the name of the file, for messages
 * @param others the keys of the file that are not limits
 * @throws TypeError that names the key
 */
export function checkLimits(
  json: object,
  file: string,
  others: Readonly<Record<string, true>> = {},
): asserts json is TreasuryLimits {
  const known = { ...others, ...LIMIT_KEYS };
  const unknown = unknownKey(json, known);
  if (unknown !== undefined)
    throw new TypeError(
      `${file}: unknown key "${unknown.key}"${unknown.hint} Keys: ${Object.keys(known).join(", ")}`,
    );
  readLimits(json as TreasuryLimits, file);
}

/**
 * @param where what the limits are written in: `a treasury`, `config.json`
 * @throws TypeError that names the option
 */
export function readLimits(limits: TreasuryLimits, where: string): SpendingPolicy {
  const named = (key: string) => `${where}: ${key}`;
  const seconds = (key: keyof TreasuryLimits, otherwise: Duration) =>
    durationSeconds((limits[key] as Duration | undefined) ?? otherwise, named(key));
  const { pinsPayees = true, maxInFlight = {} } = limits;
  if (typeof pinsPayees !== "boolean")
    throw new TypeError(`${named("pinsPayees")} must be true or false`);
  if (typeof maxInFlight !== "object" || maxInFlight === null)
    throw new TypeError(`${named("maxInFlight")} must be an object, such as { "perNode": 64 }`);
  checkKeys(maxInFlight, IN_FLIGHT_KEYS, named("maxInFlight"));
  readMaxSilence(limits.maxSilence, named("maxSilence"));
  return {
    maxFeeMsat: readMaxFee(limits.maxFee ?? DEFAULT_MAX_FEE, named("maxFee")),
    maxInFlight: {
      perNode: countOf(maxInFlight.perNode ?? 64, named("maxInFlight.perNode")),
      perNodeMsat: msatOf(maxInFlight.perNodeAmount, named("maxInFlight.perNodeAmount")),
      perOrigin: countOf(maxInFlight.perOrigin ?? 256, named("maxInFlight.perOrigin")),
      perOriginMsat: msatOf(maxInFlight.perOriginAmount, named("maxInFlight.perOriginAmount")),
    },
    maxOrders:
      limits.maxOrders === undefined
        ? Number.POSITIVE_INFINITY
        : countOf(limits.maxOrders, named("maxOrders")),
    pinsPayees,
    maxFirstPaymentMsat: msatOf(limits.maxFirstPayment, named("maxFirstPayment")),
    paymentTimeoutSeconds: seconds("paymentTimeout", "60s"),
    quarantineSeconds: seconds("quarantine", "10m"),
    keepSeconds: keepSeconds(limits.keep ?? "90d", named("keep")),
    outbound: {
      headSeconds: seconds("requestTimeout", "30s"),
      body: {
        maxBytes: countOf(limits.maxRelayBytes ?? 64 * 1024 * 1024, named("maxRelayBytes")),
        idleSeconds: seconds("relayIdleTimeout", "60s"),
        totalSeconds: seconds("relayTimeout", "1h"),
      },
    },
  };
}

function countOf(value: unknown, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
  throw new TypeError(`${what} must be a whole number, 1 or more`);
}

const msatOf = (text: unknown, what: string): bigint | undefined =>
  text === undefined
    ? undefined
    : readMsatOption(
        text,
        () => new TypeError(`${what} must be an amount of bitcoin, such as "1000 sat"`),
      );
