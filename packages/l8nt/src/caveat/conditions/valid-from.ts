/** `valid_from`: the beginning of a credential. */
import { type ConditionTexts, caveatOf, condition } from "../condition.ts";
import { apply, type Check, check, date, fact, query, variable } from "../datalog.ts";
import { field, writeDate } from "../field.ts";
import { formatDistance, formatInstant } from "../instant.ts";
import { formatUnixSeconds, readUnixSeconds } from "../integer.ts";

const NAME = "valid_from";

export const validFrom = condition<number>({
  name: NAME,
  judgedBy: "both",
  handOver: (values) => values.map(String),
  fields: [field("validFrom", (date, terms) => [caveatOf({ name: NAME }, writeDate(date, terms))])],
  code: "ERR_NOT_YET_VALID",
  parse: readUnixSeconds,
  prohibits: (from, { now }) =>
    now >= from
      ? undefined
      : {
          have: `a credential that begins at ${formatUnixSeconds(from)}`,
          need: `one that is valid at ${formatUnixSeconds(now)}`,
        },
});

export const validFromCheck = (from: number): Check =>
  check(query([fact("time", variable("t"))], ...apply(variable("t"), ">=", date(from))));

export const validFromTexts: ConditionTexts<number> = {
  spec: { value: "unix seconds", denies: "now < value" },
  fields: { validFrom: { example: "a date" } },
  words: (from, now) => [`from ${formatInstant(from)} (${formatDistance(from - now)})`],
};
