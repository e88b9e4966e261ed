/** Caveats and times in words, escaped for a terminal. */
import { caveatWords, formatDistance, formatInstant } from "l8nt/caveats";
import { printable } from "./secrecy.ts";

/** The two parts of a caveat. */
export interface CaveatText {
  readonly condition: string;
  readonly value: string;
}

/**
 * Lines that say what a caveat allows, such as "until 2030-01-01 00:00:00 UTC (in 42 min)"; none
 * for a caveat that only names a node. `now` is in Unix seconds.
 */
export const inWords = (caveat: CaveatText, now: number): readonly string[] =>
  caveatWords(caveat, now).map(printable);

/** Formats Unix seconds, such as "2030-01-01 00:00:00 UTC". */
export const dateText = formatInstant;

/** Formats seconds from now, such as "in 42 min", "3 d ago" or "in 1.5 y". */
export const distance = formatDistance;

/** Formats a span of seconds, such as "42 min" or "3 h". */
export const durationText = (seconds: number): string =>
  formatDistance(seconds).replace(/^in /, "");
