/**
 * Exact fractions. Prices are decimals by the million, the thousand or the hour, and no float may
 * stand between them and an amount.
 */

export interface Fraction {
  readonly numerator: bigint;
  /** At least 1. */
  readonly denominator: bigint;
}

const DECIMAL = /^(?<whole>\d{1,40})(?:\.(?<part>\d{1,40}))?(?:e(?<exponent>[+-]?\d{1,3}))?$/;

export const ZERO: Fraction = { numerator: 0n, denominator: 1n };

const tenTo = (exponent: number): bigint => 10n ** BigInt(exponent);

/** Reads a decimal such as "2.5" or "1e-7"; undefined for anything else, and for negative ones. */
export function readDecimal(text: string): Fraction | undefined {
  const { whole, part = "", exponent = "0" } = DECIMAL.exec(text)?.groups ?? {};
  if (whole === undefined) return undefined;
  const shift = Number(exponent) - part.length;
  const digits = BigInt(whole + part);
  return shift >= 0
    ? { numerator: digits * tenTo(shift), denominator: 1n }
    : { numerator: digits, denominator: tenTo(-shift) };
}

/**
 * The number as its shortest decimal, which is what JSON had. Undefined for what counts nothing:
 * negative numbers, NaN, Infinity.
 */
export const fractionOf = (value: number): Fraction | undefined =>
  Number.isSafeInteger(value) && value >= 0
    ? { numerator: BigInt(value), denominator: 1n }
    : readDecimal(String(value));

export const plus = (a: Fraction, b: Fraction): Fraction =>
  a.denominator === b.denominator
    ? { numerator: a.numerator + b.numerator, denominator: a.denominator }
    : {
        numerator: a.numerator * b.denominator + b.numerator * a.denominator,
        denominator: a.denominator * b.denominator,
      };

export const times = (a: Fraction, b: Fraction): Fraction => ({
  numerator: a.numerator * b.numerator,
  denominator: a.denominator * b.denominator,
});

/** @param by at least 1 */
export const dividedBy = (a: Fraction, by: bigint): Fraction => ({
  numerator: a.numerator,
  denominator: a.denominator * by,
});

export const isLess = (a: Fraction, b: Fraction): boolean =>
  a.numerator * b.denominator < b.numerator * a.denominator;

export const larger = (a: Fraction, b: Fraction): Fraction => (isLess(a, b) ? b : a);

/** The least integer that is not below it. */
export const ceiling = ({ numerator, denominator }: Fraction): bigint =>
  (numerator + denominator - 1n) / denominator;

/** Writes a fraction that is a decimal. @throws RangeError for any other, such as 1/3 */
export function writeDecimal({ numerator, denominator }: Fraction): string {
  for (let places = 0; places <= 40; places++) {
    const digits = numerator * tenTo(places);
    if (digits % denominator !== 0n) continue;
    const text = (digits / denominator).toString().padStart(places + 1, "0");
    return places === 0 ? text : `${text.slice(0, -places)}.${text.slice(-places)}`;
  }
  throw new RangeError("the fraction is no decimal");
}
