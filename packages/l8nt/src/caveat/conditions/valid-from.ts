/** `valid_from`: the beginning of a credential. */
import { caveatOf, condition } from "../condition.ts";
import { field, writeDate } from "../field.ts";
import { formatDistance, formatInstant } from "../instant.ts";
import { formatUnixSeconds, readUnixSeconds } from "../integer.ts";

const NAME = "valid_from";

export const validFrom = condition<number>({
  name: NAME,
  judgedBy: "both",
  handOver: (values) => values.map(String),
  fields: [
    field("validFrom", {
      example: "a date",
      write: (date, terms) => [caveatOf({ name: NAME }, writeDate(date, terms))],
    }),
  ],
  spec: { value: "unix seconds", denies: "now < value", code: "ERR_NOT_YET_VALID" },
  parse: readUnixSeconds,
  prohibits: (from, { now }) =>
    now >= from
      ? undefined
      : {
          code: "ERR_NOT_YET_VALID",
          have: `a credential that begins at ${formatUnixSeconds(from)}`,
          need: `one that is valid at ${formatUnixSeconds(now)}`,
        },
  words: (from, now) => [`from ${formatInstant(from)} (${formatDistance(from - now)})`],
});
