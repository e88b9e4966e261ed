/**
 * The human-readable part of an invoice: `ln`, the network, and the amount. BOLT 11,
 * "Human-Readable Part".
 */
import { MAX_MSAT } from "../amount.ts";
import { malformed } from "./malformed.ts";
import type { Network } from "./network.ts";

export interface Prefix {
  readonly network: Network;
  readonly amountMsat: bigint | undefined;
}

// Anchored at both ends, so that `lnbcrt…` cannot match as `lnbc` with a remainder. [case 66]
// Zeros may lead the amount, as in lnd. 20 digits hold every amount, so the rest is never long.
const PREFIX = /^ln(bcrt|bc|tbs|tb|sb)(?:0*([0-9]{1,20})([munp]?))?$/;

/** Msat in one unit of each multiplier. A pico-bitcoin is a tenth of a msat. */
const MULTIPLIERS = [
  ["", 100_000_000_000n],
  ["m", 100_000_000n],
  ["u", 100_000n],
  ["n", 100n],
] as const;

/** @throws ChallengeError (`ERR_INVOICE_MALFORMED`) */
export function readPrefix(text: string): Prefix {
  const match = PREFIX.exec(text);
  if (match === null)
    throw malformed("its prefix does not have a network and an amount of BOLT 11");
  const [, network, digits, multiplier] = match;
  return {
    network: network as Network,
    amountMsat: digits === undefined ? undefined : amountOf(BigInt(digits), multiplier!),
  };
}

function amountOf(count: bigint, multiplier: string): bigint {
  if (multiplier === "p" && count % 10n !== 0n)
    throw malformed("the amount has a fraction of a millisatoshi");
  const unit = MULTIPLIERS.find(([letter]) => letter === multiplier);
  const amountMsat = unit === undefined ? count / 10n : count * unit[1];
  if (amountMsat > MAX_MSAT) throw malformed("the amount is more than 21 million bitcoin");
  return amountMsat;
}

/**
 * Returns the shortest text of this prefix, with the largest multiplier that divides the amount.
 */
export function writePrefix({ network, amountMsat }: Prefix): string {
  if (amountMsat === undefined) return `ln${network}`;
  const unit = MULTIPLIERS.find(([, msat]) => amountMsat % msat === 0n);
  return `ln${network}${unit === undefined ? `${amountMsat * 10n}p` : `${amountMsat / unit[1]}${unit[0]}`}`;
}
