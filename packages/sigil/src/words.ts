/** Caveats in words, escaped for a terminal: "until 2030-01-01 00:00:00 UTC (in 42 min)". */
import { caveatWords, formatDistance, formatInstant } from "l8nt/caveats";
import { printable } from "./secrecy.ts";

export interface CaveatText {
  readonly condition: string;
  readonly value: string;
}

/** The lines that say what a caveat allows. None for a caveat that only names a node. */
export const inWords = (caveat: CaveatText, now: number): readonly string[] =>
  caveatWords(caveat, now).map(printable);

/** "2030-01-01 00:00:00 UTC", of Unix seconds. */
export const dateText = formatInstant;

/** "in 42 min", "3 d ago", "in 1.5 y". */
export const distance = formatDistance;
