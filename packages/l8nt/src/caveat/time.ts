/** `valid_until` and `valid_from`: when. */
import type { Condition } from "./condition.ts";
import { formatUnixSeconds, readUnixSeconds } from "./integer.ts";

export const validUntil: Condition<number> = {
  name: "valid_until",
  parse: readUnixSeconds,
  prohibits: (until, { now }) =>
    now < until
      ? undefined
      : {
          code: "ERR_EXPIRED",
          have: `a credential that ended at ${formatUnixSeconds(until)}`,
          need: `one that is valid at ${formatUnixSeconds(now)}`,
        },
};

export const validFrom: Condition<number> = {
  name: "valid_from",
  parse: readUnixSeconds,
  prohibits: (from, { now }) =>
    now >= from
      ? undefined
      : {
          code: "ERR_NOT_YET_VALID",
          have: `a credential that begins at ${formatUnixSeconds(from)}`,
          need: `one that is valid at ${formatUnixSeconds(now)}`,
        },
};
