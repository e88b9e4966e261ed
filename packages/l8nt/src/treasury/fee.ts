/**
 * The most that routing one payment may cost, as people write it, and what of a wallet's own fee is
 * counted. spec/4-purchase.md §4.
 */
import { type Amount, formatAmount, MAX_MSAT, msat, readAmountOption } from "../amount.ts";
import { shown } from "./shown.ts";

/**
 * `"1 %"`, `"3 sat"`, or `"1 % or 3 sat"`: the larger of the two. A share has at most two decimals.
 */
export type MaxFee = string;

/** The smallest payments need a fixed amount, because a node's base fee is one. */
export const DEFAULT_MAX_FEE: MaxFee = "1 % or 3 sat";

const SHARE = /^([0-9]{1,2}|100)(?:\.([0-9]{1,2}))? ?%$/;
/** Hundredths of a percent. */
const WHOLE = 10_000n;

/** @throws TypeError that names the option */
export function readMaxFee(text: MaxFee, what: string): (amountMsat: bigint) => bigint {
  const parts = typeof text === "string" ? text.split(" or ") : [];
  const shares = parts.flatMap((part) => shareOf(part) ?? []);
  const amounts = parts.filter((part) => shareOf(part) === undefined);
  if (parts.length === 0 || shares.length > 1 || amounts.length > 1) throw malformed(what);
  const [share = 0n] = shares;
  const least = amounts.map((amount) => readMsatOption(amount, () => malformed(what)))[0] ?? 0n;
  return (amountMsat) => {
    const part = (amountMsat * share) / WHOLE;
    const fee = part > least ? part : least;
    // An invoice may ask for all the bitcoin that can exist, and the books hold no more than that.
    return fee < MAX_MSAT - amountMsat ? fee : MAX_MSAT - amountMsat;
  };
}

function shareOf(text: string): bigint | undefined {
  const [, percent, decimals = ""] = SHARE.exec(text) ?? [];
  if (percent === undefined) return undefined;
  const share = BigInt(percent + decimals.padEnd(2, "0"));
  return share <= WHOLE ? share : undefined;
}

const malformed = (what: string): TypeError =>
  new TypeError(`${what} must be a share, an amount, or both: "1 %", "3 sat" or "1 % or 3 sat"`);

/**
 * Reads an option that is an amount of bitcoin, in msat.
 *
 * @throws whatever `error` makes
 */
export function readMsatOption(text: unknown, error: () => TypeError): bigint {
  try {
    const { unit, value } = readAmountOption(text, "");
    if (unit === "msat") return value;
  } catch {
    // The error below names the option.
  }
  throw error();
}

/** A fee of so many times its cap, and the amount besides, is no fee: a wallet has miscounted. */
const FAR_OVER_CAP = 1000n;

/** The fee that is counted for a payment, and what is wrong with the one that the wallet states. */
export interface CountedFee {
  readonly fee: Amount;
  readonly fault?: string;
}

/**
 * Reads the fee of a payment that was made. A fee over its cap was spent, so it is counted. One
 * that cannot be is not believed: its cap is counted, and if the wallet's list has more, that is
 * found when the books are compared with it. [case 46]
 */
export function countedFee(
  stated: unknown,
  {
    paymentHash,
    amount,
    maxFee,
  }: { readonly paymentHash: string; readonly amount: Amount; readonly maxFee: Amount },
): CountedFee {
  const far = maxFee.value * FAR_OVER_CAP + amount.value;
  const most = far < MAX_MSAT - amount.value ? far : MAX_MSAT - amount.value;
  if (typeof stated !== "bigint" || stated < 0n || stated > most)
    return {
      fee: maxFee,
      fault: `the wallet states a routing fee of ${shown(stated)} msat for ${paymentHash}, which cannot be; its cap of ${formatAmount(maxFee)} was counted`,
    };
  const fee = msat(stated);
  if (stated <= maxFee.value) return { fee };
  return {
    fee,
    fault: `the wallet paid ${formatAmount(fee)} of routing fee for ${paymentHash}, over its cap of ${formatAmount(maxFee)}`,
  };
}
