/** Amounts: the text that people write, and the unit and value that are computed and stored. */

/**
 * The unit of an amount: millisatoshi (10⁻¹¹ bitcoin), or 10⁻⁶ US dollar. No code converts one unit
 * to another.
 */
export type Unit = "msat" | "usd_micro";

/** An amount as it is computed and stored. */
export interface Amount {
  readonly unit: Unit;
  readonly value: bigint;
}

/**
 * An amount with its unit, such as `"10 sat"`, `"1000 msat"`, `"0.001 btc"`, `"5 usd"` or
 * `"0.25 usd"`. A number without a unit is refused.
 */
export type AmountText = `${string} sat` | `${string} msat` | `${string} btc` | `${string} usd`;

/** The largest amount of bitcoin that can exist, in msat: 21 million × 10¹¹. */
export const MAX_MSAT = 2_100_000_000_000_000_000n;

/** The largest value of each unit. Both fit in a signed 64-bit integer. */
export const MAX_VALUE: Readonly<Record<Unit, bigint>> = {
  msat: MAX_MSAT,
  usd_micro: 1_000_000_000_000_000_000n,
};

interface Spelling {
  readonly unit: Unit;
  /** Digits after the decimal point of one of it that are whole in `unit`. */
  readonly decimals: number;
}

const SPELLINGS: Readonly<Record<string, Spelling>> = {
  msat: { unit: "msat", decimals: 0 },
  sat: { unit: "msat", decimals: 3 },
  sats: { unit: "msat", decimals: 3 },
  btc: { unit: "msat", decimals: 11 },
  usd: { unit: "usd_micro", decimals: 6 },
};

/** How each unit is written for people, and what messages call it. */
const SHOWN: Readonly<Record<Unit, Spelling & { readonly suffix: string; readonly name: string }>> =
  {
    msat: { ...SPELLINGS.sat!, suffix: "sat", name: "bitcoin" },
    usd_micro: { ...SPELLINGS.usd!, suffix: "usd", name: "US dollars" },
  };

/** Every unit, in the order in which amounts of several units are listed. */
export const UNITS: readonly Unit[] = ["msat", "usd_micro"];

const TEXT = /^(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,11}))? ?(msat|sats?|btc|usd)$/i;

export const msat = (value: bigint): Amount => ({ unit: "msat", value });

/**
 * Reads an {@link AmountText}. Returns undefined for anything else: a bare number, a negative
 * amount, a fraction of the smallest unit, or more than {@link MAX_VALUE}.
 */
export function parseAmount(text: unknown): Amount | undefined {
  const match = typeof text === "string" ? TEXT.exec(text) : null;
  if (match === null) return undefined;
  const [, whole = "", fraction = "", spelled = ""] = match;
  const { unit, decimals } = SPELLINGS[spelled.toLowerCase()]!;
  const digits = fraction.replace(/0+$/, "");
  if (digits.length > decimals) return undefined;
  const value = BigInt(whole + digits.padEnd(decimals, "0"));
  return value <= MAX_VALUE[unit] ? { unit, value } : undefined;
}

/**
 * Reads the option `what`, which must be an {@link AmountText}.
 *
 * @throws TypeError that names the option
 */
export function readAmountOption(text: unknown, what: string): Amount {
  const amount = parseAmount(text);
  if (amount === undefined)
    throw new TypeError(`${what} must be an amount with its unit, such as "500 sat" or "5 usd"`);
  return amount;
}

/** Writes an amount for people: "12.345 sat", "1,000 sat", "5 usd", "0.000001 usd". */
export function formatAmount({ unit, value }: Amount): string {
  const { decimals, suffix } = SHOWN[unit];
  const isNegative = value < 0n;
  const digits = (isNegative ? -value : value).toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, -decimals);
  const grouped = whole.length > 3 ? whole.replace(/\B(?=(?:\d{3})+$)/g, ",") : whole;
  let end = digits.length;
  while (end > whole.length && digits.charCodeAt(end - 1) === ZERO) end--;
  const rest = end === whole.length ? "" : `.${digits.slice(whole.length, end)}`;
  return `${isNegative ? "-" : ""}${grouped}${rest} ${suffix}`;
}

const ZERO = 0x30;

/** Writes an amount as an {@link AmountText}: "12345 msat", "0.25 usd". */
export const writeAmount = (amount: Amount): AmountText =>
  amount.unit === "msat"
    ? `${amount.value} msat`
    : (formatAmount(amount).replaceAll(",", "") as AmountText);

/**
 * These amounts, and 0 in every unit that none of them is in: a cap that no price in another unit
 * passes.
 */
export const onlyIn = (...amounts: readonly Amount[]): readonly AmountText[] =>
  UNITS.map((unit) => writeAmount(amounts.find((one) => one.unit === unit) ?? { unit, value: 0n }));

/** What messages call a unit: "bitcoin", "US dollars". */
export const unitName = (unit: Unit): string => SHOWN[unit].name;

/** The value, if that much bitcoin can exist; undefined otherwise. */
export const msatInRange = (value: bigint | undefined): bigint | undefined =>
  value !== undefined && value >= 0n && value <= MAX_MSAT ? value : undefined;

/** Reads an amount of bitcoin to msat; undefined for anything else. */
export function parseMsat(text: unknown): bigint | undefined {
  const amount = parseAmount(text);
  return amount?.unit === "msat" ? amount.value : undefined;
}

/**
 * Reads the option `what`, which must be an amount of bitcoin, to msat.
 *
 * @throws TypeError that names the option
 */
export function readMsatOption(text: unknown, what: string): bigint {
  const value = parseMsat(text);
  if (value === undefined)
    throw new TypeError(
      `${what} must be an amount of bitcoin with its unit, such as "500 sat" or "1000 msat"`,
    );
  return value;
}
