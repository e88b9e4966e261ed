/** Integers in caveats: `0` or `[1-9][0-9]{0,18}`, nothing else, read to `bigint`. [case 21] */

const INTEGER = /^(?:0|[1-9][0-9]{0,18})$/;

export const readInteger = (text: string): bigint | undefined =>
  INTEGER.test(text) ? BigInt(text) : undefined;

/** Unix seconds. Past 2^53 a number would be rounded, and no date is so far. */
export function readUnixSeconds(text: string): number | undefined {
  const value = readInteger(text);
  return value === undefined || value > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(value);
}

/** For people. Dates past the year 275760 are no dates to JavaScript. */
export function formatUnixSeconds(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime())
    ? `${seconds} (Unix seconds)`
    : `${date.toISOString().slice(0, 19)}Z`;
}
