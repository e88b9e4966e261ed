/** `sigil spend`: what was spent at a gateway, by agent, model, route or day. */
import { type Amount, formatAmount } from "l8nt/invoice";
import type { Arguments } from "../../arguments.ts";
import { isDate } from "../../calendar.ts";
import { EXIT, UsageError } from "../../exit.ts";
import { printable } from "../../secrecy.ts";
import type { Terminal } from "../../terminal.ts";
import { csv } from "./csv.ts";
import { readBooks } from "./reading.ts";
import { BY, type By, type SPEND_FLAGS } from "./spend-flags.ts";
import { type Span, type Sum, sumsBy, totalOf } from "./sums.ts";

export async function spend(
  given: Arguments<keyof typeof SPEND_FLAGS>,
  terminal: Terminal,
): Promise<number> {
  const by = (given.text("by") ?? Object.keys(BY)[0]) as By;
  if (!Object.hasOwn(BY, by))
    throw new UsageError(`--by must be one of ${Object.keys(BY).join(", ")}.`);
  const span = spanOf(given);
  const database = await readBooks(given, terminal.env);
  try {
    const sums = await sumsBy(database, KEYS[by], span);
    if (given.has("csv")) {
      if (terminal.json) throw new UsageError("--csv and --json: give one.");
      terminal.stdout.write(csv([columns(by), ...sums.map(cells)]));
      return EXIT.ok;
    }
    const total = totalOf(sums);
    terminal.answer(table(by, sums, total, terminal.columns), {
      by,
      spend: sums.map(sumJson(KEYS[by])),
      total: sumJson([])(total),
    });
    return EXIT.ok;
  } finally {
    await database.close();
  }
}

/** @throws UsageError */
export function spanOf(given: Arguments<"from" | "to">): Span {
  for (const flag of ["from", "to"] as const) {
    const date = given.text(flag);
    if (date !== undefined && !isDate(date))
      throw new UsageError(`--${flag} must be a date such as 2026-11-29.`);
  }
  return { from: given.text("from"), to: given.text("to") };
}

/** Two services may have a route of the same name. */
const KEYS: Readonly<Record<By, readonly (By | "service")[]>> = {
  agent: ["agent"],
  model: ["model"],
  route: ["service", "route"],
  day: ["day"],
};

const columns = (by: By): readonly string[] => [
  ...[...KEYS[by], "spent_usd", "spent_sat", "requests", "estimated", "denied", "would_deny"],
  ...["input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"],
];

const cells = (sum: Sum): readonly (string | bigint)[] => [
  ...[...sum.keys, bare(usdOf(sum)), bare(satOf(sum))],
  ...[sum.requests, sum.estimated, sum.denied, sum.wouldDeny],
  ...[sum.input, sum.cacheRead, sum.cacheWrite, sum.output],
];

const usdOf = ({ spentUsdMicro }: Sum): Amount => ({ unit: "usd_micro", value: spentUsdMicro });
const satOf = ({ spentMsat }: Sum): Amount => ({ unit: "msat", value: spentMsat });

/** Without its unit. */
const bare = (amount: Amount): string => formatAmount(amount).split(" ")[0]!;

const sumJson =
  (names: readonly string[]) =>
  ({ keys, ...sum }: Sum): object => ({
    ...Object.fromEntries(names.map((name, at) => [name, keys[at]])),
    ...Object.fromEntries(Object.entries(sum).map(([name, value]) => [name, String(value)])),
  });

/** Names end where the numbers begin, so that 80 columns hold a row. */
function table(by: By, sums: readonly Sum[], total: Sum, width = 80): string {
  if (sums.length === 0) return "No requests.\n";
  const isSold = sums.some(({ spentMsat }) => spentMsat > 0n);
  const head = ["spent, usd", ...(isSold ? ["sat"] : []), "requests", "denied", "tokens in", "out"];
  const shown = sums.length > 1 ? [...sums, total] : sums;
  const rows = shown.map((sum) => [
    bare(usdOf(sum)) + (sum.estimated > 0n ? "*" : " "),
    ...(isSold ? [bare(satOf(sum))] : []),
    `${sum.requests}`,
    `${sum.denied}`,
    `${sum.input + sum.cacheRead + sum.cacheWrite}`,
    `${sum.output}`,
  ]);
  const widths = head.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => row[at]!.length)),
  );
  const numbers = (row: readonly string[]): string =>
    row.map((text, at) => text.padStart(widths[at]!)).join("  ");
  const left = Math.max(12, width - numbers(head).length - 2);
  const names = shown.map((sum) => (sum === total ? "total" : nameOf(by, sum)));
  const column = Math.min(left, Math.max(by.length, ...names.map((name) => name.length)));
  const line = (name: string, row: readonly string[]): string =>
    `${cut(name, column).padEnd(column)}  ${numbers(row)}`.trimEnd();
  const note = sums.some(({ estimated }) => estimated > 0n)
    ? "\n* some of it was estimated: the vendor did not state all usage\n"
    : "";
  return `${[line(by, head), ...rows.map((row, at) => line(names[at]!, row))].join("\n")}\n${note}`;
}

const nameOf = (by: By, { keys }: Sum): string => {
  const last = printable(keys.at(-1)!) || BY[by];
  return keys.length === 1 ? last : `${keys[0]}: ${last}`;
};

/** The end of a lineage tells more than its beginning. */
const cut = (name: string, length: number): string =>
  name.length <= length ? name : `…${name.slice(name.length - length + 1)}`;
