/** `sigil gateway reconcile`: the books beside what the vendor says it was. */
import { readFileSync } from "node:fs";
import type { Arguments } from "../../arguments.ts";
import { EXIT, UsageError } from "../../exit.ts";
import { printable } from "../../secrecy.ts";
import type { Terminal } from "../../terminal.ts";
import type { BooksDatabase } from "../books/database.ts";
import { readBooks } from "../books/reading.ts";
import type { WHERE_FLAGS } from "../books/spend-flags.ts";
import { sumsBy } from "../books/sums.ts";
import type { Measure } from "./columns.ts";
import { type Comparison, compare } from "./compare.ts";
import { familyOf, keyOf, type Numbers, readExport } from "./export.ts";
import type { RECONCILE_FLAGS } from "./flags.ts";

type Given = Arguments<keyof typeof RECONCILE_FLAGS | keyof typeof WHERE_FLAGS>;

export async function reconcile(
  file: string | undefined,
  given: Given,
  terminal: Terminal,
): Promise<number> {
  if (file === undefined)
    throw new UsageError("Give the vendor's export: sigil gateway reconcile usage.csv --dir DIR.");
  const most = percentOf(given.text("max-drift") ?? "1");
  const { columns, numbers: theirs } = readExport(textOf(file), given.all("column") ?? []);
  const database = await readBooks(given, terminal.env);
  try {
    const service = given.text("service");
    const isNamed = columns.modelName !== undefined && [...theirs.keys()].some(hasModel);
    const ours = await oursOf(database, { service, vendor: columns.vendor, isNamed });
    const comparison = compare(ours, theirs);
    const over = comparison.lines.filter(({ driftPercent }) => Math.abs(driftPercent) > most);
    terminal.answer(table(comparison, most), {
      ...comparison,
      maxDriftPercent: most,
      over: over.length,
    });
    return over.length > 0 ? EXIT.failed : EXIT.ok;
  } finally {
    await database.close();
  }
}

const hasModel = (key: string): boolean => key.length > 11;

interface Ours {
  readonly service: string | undefined;
  readonly vendor: string | undefined;
  /** Whether the export tells models apart. */
  readonly isNamed: boolean;
}

async function oursOf(
  database: BooksDatabase,
  { service, vendor, isNamed }: Ours,
): Promise<ReadonlyMap<string, Numbers>> {
  const sums = await sumsBy(database, BY_DAY);
  const names = new Set(sums.map(({ keys }) => keys[2]!));
  if (service !== undefined && !names.has(service))
    throw new UsageError("--service: the books have no such service.");
  const wanted = service ?? (vendor !== undefined && names.has(vendor) ? vendor : undefined);
  const numbers = new Map<string, Numbers>();
  for (const { keys, requests, spentUsdMicro, input, cacheRead, cacheWrite, output } of sums) {
    const [day, model, of] = keys as [string, string, string];
    if (wanted !== undefined && of !== wanted) continue;
    const key = keyOf(day, isNamed ? familyOf(model) : "");
    const before = numbers.get(key);
    const add = (measure: Measure, value: number) => (before?.[measure] ?? 0) + value;
    numbers.set(key, {
      usd: add("usd", Number(spentUsdMicro) / 1e6),
      input: add("input", Number(input + cacheRead + cacheWrite)),
      output: add("output", Number(output)),
      requests: add("requests", Number(requests)),
    });
  }
  return numbers;
}

const BY_DAY = "day model service".split(" ") as Parameters<typeof sumsBy>[1];

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw new UsageError("The vendor's export cannot be read.");
  }
}

function percentOf(text: string): number {
  const percent = /^\d{1,4}(?:\.\d{1,6})? ?%?$/.test(text) ? Number.parseFloat(text) : undefined;
  if (percent === undefined) throw new UsageError("--max-drift must be a percentage such as 1.");
  return percent;
}

const NAME_WIDTH = 19;

function table({ lines, totals }: Comparison, most: number): string {
  if (lines.length === 0) return "Neither side has anything for these days.\n";
  const all = [...lines, ...totals.map((total) => ({ day: "all", model: "", ...total }))];
  const rows = all.map(({ day, model, measure, ours, theirs, driftPercent }) => {
    const name = printable(model).slice(0, NAME_WIDTH).padEnd(NAME_WIDTH);
    const numbers = [ours, theirs].map((one) => shown(measure, one).padStart(12)).join("  ");
    const flag = Math.abs(driftPercent) > most ? " *" : "";
    return `${day.padEnd(10)}  ${name}  ${measure.padEnd(8)}  ${numbers}  ${percent(driftPercent)}${flag}`;
  });
  const head = `${"day".padEnd(10)}  ${"model".padEnd(NAME_WIDTH)}  ${"".padEnd(8)}  ${"ours".padStart(12)}  ${"vendor".padStart(12)}  ${"drift".padStart(7)}`;
  const over = lines.filter(({ driftPercent }) => Math.abs(driftPercent) > most).length;
  const note = over === 0 ? "" : `\n* more than ${most} % apart: ${over} of ${lines.length}\n`;
  return `${[head, ...rows].map((line) => line.trimEnd()).join("\n")}\n${note}`;
}

const shown = (measure: Measure, value: number): string =>
  measure === "usd" ? value.toFixed(4) : String(value);

function percent(value: number): string {
  const text = Number.isFinite(value)
    ? `${value > 0 ? "+" : ""}${value.toFixed(Math.abs(value) < 100 ? 2 : 0)}%`
    : "new";
  return text.padStart(7);
}
