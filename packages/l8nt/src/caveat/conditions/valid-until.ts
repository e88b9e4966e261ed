/**
 * `valid_until` and `<service>_valid_until`: the end of a credential, and its end at one service.
 */
import {
  type AnyCondition,
  type Condition,
  type ConditionTexts,
  caveatOf,
  condition,
  type Family,
} from "../condition.ts";
import { apply, type Check, check, date, fact, type Query, query, variable } from "../datalog.ts";
import { durationSeconds } from "../duration.ts";
import { elsewhere } from "../elsewhere.ts";
import { field, writeDate } from "../field.ts";
import { typedText } from "../flag.ts";
import { formatDistance, formatInstant } from "../instant.ts";
import { formatUnixSeconds, readUnixSeconds } from "../integer.ts";

const NAME = "valid_until";

export const validUntil = condition<number>({
  name: NAME,
  judgedBy: "both",
  // One caveat for all: whichever ends first, the agent's or the hand-over's own.
  handOver: (values, { until }) => [String(Math.floor(Math.min(until, ...values)))],
  bound: "time",
  fields: [
    field("expiresAt", (date, terms) => [caveatOf({ name: NAME }, writeDate(date, terms))]),
    field("expiresIn", (duration, { now, what }) => [
      caveatOf({ name: NAME }, Math.floor(now) + durationSeconds(duration, what)),
    ]),
  ],
  code: "ERR_EXPIRED",
  parse: readUnixSeconds,
  prohibits: (until, { now }) =>
    now < until
      ? undefined
      : {
          have: `a credential that ended at ${formatUnixSeconds(until)}`,
          need: `one that is valid at ${formatUnixSeconds(now)}`,
        },
  ends: (until) => until,
});

const untilQuery = (until: number): Query =>
  query([fact("time", variable("t"))], ...apply(variable("t"), "<", date(until)));

export const validUntilCheck = (until: number): Check => check(untilQuery(until));

export const validUntilTexts: ConditionTexts<number> = {
  spec: { value: "unix seconds", denies: "now ≥ value" },
  words: (until, now) => [endWords(until, now)],
  fields: {
    expiresAt: {
      example: "a date",
      flag: {
        name: "expires-at",
        value: "DATE",
        help: "ISO 8601, such as 2030-01-01T00:00:00Z",
        read: readDate,
      },
    },
    expiresIn: {
      example: '"30s", "15m", "1h", "7d"',
      flag: { name: "expires-in", value: "15m", help: "30s, 15m, 1h, 7d", read: typedText },
    },
  },
};

const endWords = (until: number, now: number): string =>
  `until ${formatInstant(until)} (${formatDistance(until - now)})`;

function readDate([text = ""]: readonly string[], what: string, now: number): Date {
  const date = new Date(text);
  const [day] = /^\d{4}-\d{2}-\d{2}/.exec(text) ?? [];
  // A day that a month does not have is read as one of the next month.
  const midnight = day === undefined ? Number.NaN : Date.parse(`${day}T00:00:00Z`);
  const isDay = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day!);
  if (!isDay || Number.isNaN(date.getTime()))
    throw new TypeError(`${what} must be a date, such as 2030-01-01T00:00:00Z`);
  if (date.getTime() <= now * 1000)
    throw new TypeError(
      `${what} is in the past (${date.toISOString()}): such a credential is worth nothing`,
    );
  return date;
}

const validUntilAt = (service: string, name: string): Condition<number> => ({
  name,
  judgedBy: "service",
  handOver: "relay",
  fields: [],
  code: "ERR_EXPIRED",
  parse: readUnixSeconds,
  prohibits: (until, access, place) =>
    access.service === service ? validUntil.prohibits!(until, access, place) : undefined,
  endsAt: (until) => ({ service, until }),
});

/** Says nothing about other services. */
export const serviceValidUntil: Family = {
  suffix: `_${NAME}`,
  fields: [],
  of: (service, name) => validUntilAt(service, name) as unknown as AnyCondition,
};

export const serviceValidUntilCheck = (until: number, { name }: { readonly name: string }): Check =>
  check(elsewhere(name.slice(0, -serviceValidUntil.suffix.length)), untilQuery(until));

export const serviceValidUntilTexts: ConditionTexts<number> = {
  spec: {
    value: "unix seconds",
    denies: "the verifier is that service, and now ≥ value",
  },
  words: (until, now, { name }) => [
    `at ${name.slice(0, -serviceValidUntil.suffix.length)} ${endWords(until, now)}`,
  ],
};
