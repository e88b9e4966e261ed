/** `docs/reference/caveats.md`, from the table of conditions. */
import type { AnyCondition, Family } from "../../packages/l8nt/src/caveat/condition.ts";
import {
  DOCUMENTED,
  type Documented,
  textsOf,
} from "../../packages/l8nt/src/caveat/conditions/texts.ts";
import { code, list, page, prose, table } from "./markdown.ts";

/** A service whose name stands for any in the conditions that are named after one. */
const SERVICE = "loop";
/** 2030-01-01T00:00:00Z: the same in every run. */
const NOW = 1_893_456_000;

const COUNTED = {
  uses: "requests",
  msat: "bitcoin, in thousandths of a satoshi (msat)",
  usd_micro: "US dollars, in millionths",
} as const;

const JUDGE = {
  service: "the service that it names, and no treasury",
  treasury: "the treasury that pays, and no service",
  both: "services and treasuries",
} as const;

const HAND_OVER = {
  dropped: "dropped: the treasury enforced it before it paid",
  relay: "nothing is handed over; the treasury relays the request",
  copied: "written into the service's credential",
} as const;

const labelOf = (row: AnyCondition | Family): string =>
  "suffix" in row ? `<service>${row.suffix}` : row.name;
const conditionOf = (row: AnyCondition | Family): AnyCondition =>
  "suffix" in row ? row.of(SERVICE, `${SERVICE}${row.suffix}`) : row;

/**
 * The caveat that the example of a scope's key becomes; undefined if the key has no JSON example.
 */
function exampleOf({ row, fields }: Documented): string | undefined {
  for (const [at, { key, write }] of row.fields.entries()) {
    const value = exampleValue(fields[at]!.example, conditionOf(row));
    const [caveat] = write(value as never, { now: NOW, nonce: "5f3a9c0d1e2b4a68", what: key });
    if (caveat !== undefined) return caveat;
  }
  return undefined;
}

function exampleValue(example: string, { unit }: AnyCondition): unknown {
  if (example === "a date") return new Date((NOW + 900) * 1000);
  if (unit === "usd_micro") return "5 usd";
  if (example.startsWith("{")) return { [SERVICE]: ["out", "in"] };
  if (example.includes("02…")) return [`02${"7f".repeat(32)}`];
  return JSON.parse(example);
}

function wordsOf(row: AnyCondition | Family, caveat: string): readonly string[] {
  const condition = conditionOf(row);
  const value = condition.parse(caveat.slice(caveat.indexOf("=") + 1));
  if (value === undefined) throw new Error(`the example of ${labelOf(row)} cannot be read`);
  return textsOf(condition).words(value, NOW, condition);
}

function section(documented: Documented): readonly string[] {
  const { row, spec, fields } = documented;
  const { judgedBy, handOver, limit, code: denial } = conditionOf(row);
  const { value, denies } = spec;
  const terms = limit?.(0n as never);
  const example = exampleOf(documented);
  const facts = [
    `Value: ${withLinks(value)}`,
    `Denies${denial === undefined ? `: ${denies}` : ` if ${prose(denies)} ([${denial}](errors.md#${denial.toLowerCase()}))`}`,
    `Judged by: ${JUDGE[judgedBy]}`,
    `At a hand-over: ${HAND_OVER[typeof handOver === "string" ? handOver : "copied"]}`,
  ];
  if (terms !== undefined) facts.push(`Counts: ${COUNTED[terms.unit ?? "uses"]}`);
  for (const { key, example, flag } of fields) {
    const text = example.startsWith("a ") ? example : code(example);
    facts.push(`Scope: ${code(key)}, such as ${text}`);
    if (flag !== undefined)
      facts.push(`Flag: ${code(`--${flag.name} ${flag.value}`)}, ${prose(flag.help)}`);
  }
  if (example !== undefined) {
    const words = wordsOf(row, example);
    facts.push(
      `Example: ${code(example)}${words.length === 0 ? "" : `, shown to people as “${prose(words.join("; "))}”`}`,
    );
  }
  return [`## ${code(labelOf(row))}`, list(facts)];
}

/** Sections that a value's form names are those of the specification's page. */
const withLinks = (value: string): string =>
  value.replace(/§\d+/g, (section) => `[${section}](../../spec/2-caveats.md)`);

export const caveats = (): string =>
  page(
    "Caveats",
    "A caveat is one condition, `name=value`, that a credential carries. It can only deny. A verifier denies a condition that it does not know. [Specification page 2](../../spec/2-caveats.md) has the grammar of every value, and the rules for conditions that are counted.",
    table(
      ["condition", "judged by", "error"],
      DOCUMENTED.map(({ row }) => {
        const { judgedBy, code: denial } = conditionOf(row);
        return [
          `[${code(labelOf(row))}](#${labelOf(row).replace(/[<>]/g, "")})`,
          judgedBy,
          denial === undefined ? "" : code(denial),
        ];
      }),
    ),
    ...DOCUMENTED.flatMap(section),
  );
