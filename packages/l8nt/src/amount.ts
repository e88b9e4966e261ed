/**
 * Amounts as people write them, and in the one unit the house counts in: millisatoshi, as `bigint`.
 */

/**
 * "500 sat", "1000 msat", "0.001 btc"; or a `bigint`, which is msat. A bare number has no unit and
 * is refused.
 */
export type AmountText = `${string} sat` | `${string} msat` | `${string} btc` | bigint;

const DECIMALS: Record<string, number> = { msat: 0, sat: 3, btc: 11 };
const TEXT = /^(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,11}))? ?(msat|sats?|btc)$/i;

/** All the bitcoin there can be, in msat: 21 million × 10^11. */
export const MAX_MSAT = 2_100_000_000_000_000_000n;

/**
 * Reads an amount to msat, or undefined: a negative one, a fraction of a msat, or more than there
 * is are no amounts.
 */
export function readAmount(amount: unknown): bigint | undefined {
  if (typeof amount === "bigint") return amount >= 0n && amount <= MAX_MSAT ? amount : undefined;
  if (typeof amount !== "string") return undefined;
  const match = TEXT.exec(amount);
  if (match === null) return undefined;
  const [, whole = "", fraction = "", unit = ""] = match;
  const decimals = DECIMALS[unit.toLowerCase().replace("sats", "sat")]!;
  const digits = fraction.replace(/0+$/, "");
  if (digits.length > decimals) return undefined;
  const msat = BigInt(whole + digits.padEnd(decimals, "0"));
  return msat <= MAX_MSAT ? msat : undefined;
}

/** Like {@link readAmount}, for a caller's own options. @throws TypeError */
export function amountMsat(amount: AmountText, what: string): bigint {
  const msat = readAmount(amount);
  if (msat === undefined)
    throw new TypeError(
      `${what} must be an amount with its unit, such as "500 sat" or "1000 msat" (or a bigint in msat)`,
    );
  return msat;
}

/** "12 sat", "12.345 sat": for people. */
export function formatMsat(msat: bigint): string {
  const sign = msat < 0n ? "-" : "";
  const absolute = msat < 0n ? -msat : msat;
  const whole = (absolute / 1000n).toString().replace(/\B(?=(?:\d{3})+$)/g, ",");
  const rest = (absolute % 1000n).toString().padStart(3, "0").replace(/0+$/, "");
  return `${sign}${whole}${rest === "" ? "" : `.${rest}`} sat`;
}

/**
 * What an amount is counted in: millisatoshi, or millionths of a US dollar. Units are never
 * converted.
 */
export type Unit = "msat" | "usd_micro";

/** An amount as it is computed and stored. */
export interface Amount {
  readonly unit: Unit;
  readonly value: bigint;
}

/**
 * The most that an amount of each unit can be: all the bitcoin there can be; a million million
 * dollars.
 */
export const MAX_VALUE: Readonly<Record<Unit, bigint>> = {
  msat: MAX_MSAT,
  usd_micro: 1_000_000_000_000_000_000n,
};

export const msat = (value: bigint): Amount => ({ unit: "msat", value });
