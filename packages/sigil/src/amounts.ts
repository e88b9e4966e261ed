/** Amounts in JSON documents and in text for people. */
import type { PaymentSummary } from "l8nt";
import { type Amount, formatAmount, type Unit } from "l8nt/invoice";

/**
 * An amount in a JSON document; `value` is decimal digits, because a JSON number would round it.
 */
export interface AmountJson {
  readonly unit: Unit;
  readonly value: string;
}

/** The JSON form of an amount. */
export const amountJson = ({ unit, value }: Amount): AmountJson => ({ unit, value: `${value}` });

/** Reads the JSON form of an amount. */
export const readAmountJson = ({ unit, value }: AmountJson): Amount => ({
  unit,
  value: BigInt(value),
});

/** The sum of an amount and its fee, which is in the same unit. */
export const withFee = (amount: Amount, fee: Amount | undefined): Amount => ({
  unit: amount.unit,
  value: amount.value + (fee?.value ?? 0n),
});

/** The sum of amounts for people, for each unit: "20 sat", "20 sat and 0.5 usd". */
export function formatSum(amounts: readonly Amount[]): string {
  const sums = new Map<Unit, bigint>();
  for (const { unit, value } of amounts) sums.set(unit, (sums.get(unit) ?? 0n) + value);
  return [...sums].map(([unit, value]) => formatAmount({ unit, value })).join(" and ");
}

/** "10 sat and 0.01 sat of routing fee". */
export const formatPaid = (amount: Amount, fee: Amount): string =>
  `${formatAmount(amount)} and ${formatAmount(fee)} of routing fee`;

/** "paid 10 sat and 0.01 sat of routing fee to https://api.example". */
export const paidInWords = ({ amount, fee, origin, earlier = false }: PaymentSummary): string =>
  `${earlier ? "used an earlier payment of" : "paid"} ${formatPaid(amount, fee)} to ${origin}`;
