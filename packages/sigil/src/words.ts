/** Caveats in people's words: "until 2030-01-01 00:00:00 UTC (in 42 min)", "500 sat in all". */
import { formatMsat } from "l8nt/invoice";
import { printable } from "./secrecy.ts";

export interface CaveatText {
  readonly condition: string;
  readonly value: string;
}

/**
 * The lines that say what a caveat allows. None for `agent`, which names a node instead of limiting
 * it.
 */
export function inWords({ condition, value }: CaveatText, now: number): readonly string[] {
  const say = Object.hasOwn(WORDS, condition) ? WORDS[condition]! : family(condition);
  return say(value, now) ?? [`${condition}: a value that cannot be read, so everything is denied`];
}

/** Undefined where the value is not of the condition's form. */
type Say = (value: string, now: number) => readonly string[] | undefined;

const withInteger =
  (say: (integer: bigint, now: number) => string): Say =>
  (value, now) =>
    /^(?:0|[1-9][0-9]{0,18})$/.test(value) ? [say(BigInt(value), now)] : undefined;

const money = (when: string): Say => withInteger((msat) => `${formatMsat(msat)} ${when}`);
const uses = (when: string): Say =>
  withInteger((count) => `${count} ${count === 1n ? "request" : "requests"} ${when}`);
const list =
  (one: string, none: string, separator: string): Say =>
  (value) =>
    value === "" ? [none] : value.split(separator).map((entry) => printable(one + entry));
const until = (what: string): Say =>
  withInteger((end, now) => `${what}until ${instant(end)} (${distance(Number(end) - now)})`);

const WORDS: Readonly<Record<string, Say>> = {
  endpoints: list("", "no endpoint at all", ";"),
  services: list("service ", "no service at all", ","),
  valid_until: until(""),
  valid_from: withInteger(
    (start, now) => `from ${instant(start)} (${distance(Number(start) - now)})`,
  ),
  budget_msat: money("in all"),
  budget_msat_per_hour: money("an hour"),
  budget_msat_per_day: money("a day"),
  budget_msat_per_month: money("a month"),
  max_price_msat: withInteger((msat) => `at most ${formatMsat(msat)} at once`),
  max_uses: uses("in all"),
  max_uses_per_minute: uses("a minute"),
  max_uses_per_hour: uses("an hour"),
  max_uses_per_day: uses("a day"),
  payees: list("pays only ", "pays nobody", ","),
  max_depth: withInteger((depth) =>
    depth === 0n
      ? "no delegation below"
      : `at most ${depth} delegation${depth === 1n ? "" : "s"} below`,
  ),
  purpose: (value) => [`for: ${printable(value)}`],
  agent: () => [],
  preimage: () => ["names the payment that it belongs to"],
};

/** The conditions that begin with a service's name, and those that nobody here knows. */
function family(condition: string): Say {
  const [, service, suffix] =
    /^([a-z0-9][a-z0-9_-]*)_(capabilities|valid_until)$/.exec(condition) ?? [];
  if (suffix === "capabilities")
    return list(`at ${service}: `, `at ${service}: no capability at all`, ",");
  if (suffix === "valid_until") return until(`at ${service} `);
  // A long name is not repeated: 64 characters may be a preimage.
  const name = /^[a-z0-9_]{1,63}$/.test(condition) ? condition : "a condition with a strange name";
  return () => [`${name}: unknown here, so everything is denied`];
}

/** "2030-01-01 00:00:00 UTC", of Unix seconds. */
export const dateText = (seconds: number): string => instant(BigInt(Math.floor(seconds)));

function instant(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime())
    ? `the end of time (${seconds})`
    : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

const UNITS = [
  ["y", 31_557_600, 365 * 86_400 + 1],
  ["d", 86_400, 172_800],
  ["h", 3600, 7200],
  ["min", 60, 120],
  ["s", 1, 0],
] as const;

/** "in 42 min", "3 d ago", "in 1.5 y". */
export function distance(seconds: number): string {
  const size = Math.abs(seconds);
  const [unit, length] = UNITS.find(([, , from]) => size >= from) ?? UNITS[4];
  // "1 y" may be eight months off; "74 y" is near enough.
  const digits = unit === "y" && size / length < 10 ? 1 : 0;
  const count = `${Number((size / length).toFixed(digits))} ${unit}`;
  return seconds >= 0 ? `in ${count}` : `${count} ago`;
}
