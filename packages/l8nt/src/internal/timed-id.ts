/** Ids that begin with the time. */
import { hexText } from "./bytes.ts";
import { nonceBytes } from "./crypto.ts";

/**
 * 32 hex digits: 12 of milliseconds, and 20 at random. Ids of one time stand next to each other in
 * an index, so that a store which adds rows changes few of its pages. 80 random bits for each
 * millisecond are never made twice; nothing may rest on an id that cannot be guessed.
 *
 * @param now Unix seconds
 */
export const timedId = (now: number): string =>
  Math.floor(now * 1000)
    .toString(16)
    .padStart(12, "0") + hexText(nonceBytes(10));
