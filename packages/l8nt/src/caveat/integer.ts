/** Integers in caveats: `0` or `[1-9][0-9]{0,18}`, nothing else, read to `bigint`. [case 21] */

import { isoSeconds } from "./instant.ts";

const INTEGER = /^(?:0|[1-9][0-9]{0,18})$/;

export const readInteger = (text: string): bigint | undefined =>
  INTEGER.test(text) ? BigInt(text) : undefined;

/** Unix seconds. Past 2^53 a number would be rounded, and no date is so far. */
export function readUnixSeconds(text: string): number | undefined {
  const value = readInteger(text);
  return value === undefined || value > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(value);
}

/** For people: "2030-01-01T00:00:00Z". */
export function formatUnixSeconds(seconds: number): string {
  const iso = isoSeconds(seconds);
  return iso === undefined ? `${seconds} (Unix seconds)` : `${iso}Z`;
}
