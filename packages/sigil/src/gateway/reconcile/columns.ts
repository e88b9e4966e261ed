/** Which columns of a vendor's export say what. */
import { UsageError } from "../../exit.ts";

/** What is compared. Input is all of it, also what was read from a cache or written to one. */
export const MEASURES = ["usd", "input", "output", "requests"] as const;
export type Measure = (typeof MEASURES)[number];

/** Names of columns; the values of several are added. */
export interface Columns {
  /** The vendor whose export has these, as services are usually called. */
  readonly vendor: string | undefined;
  readonly day: string;
  readonly modelName: string | undefined;
  readonly measures: Readonly<Partial<Record<Measure, readonly string[]>>>;
}

/** The exports that are known, by columns that no other one has. */
const KNOWN: readonly (Columns & { readonly marks: readonly string[] })[] = [
  {
    // OpenAI, Usage: `input_tokens` includes cached ones.
    ...{ vendor: "openai", day: "start_time", modelName: "model" },
    marks: ["start_time", "num_model_requests", "input_tokens", "output_tokens"],
    measures: {
      input: ["input_tokens"],
      output: ["output_tokens"],
      requests: ["num_model_requests"],
    },
  },
  {
    // OpenAI, Cost: a line item is "gpt-4.1-2025-04-14, input", or empty if it was not grouped.
    ...{ vendor: "openai", day: "start_time", modelName: "line_item" },
    marks: ["start_time", "amount_value", "line_item"],
    measures: { usd: ["amount_value"] },
  },
  {
    // Anthropic, Usage.
    ...{ vendor: "anthropic", day: "usage_date_utc", modelName: "model_version" },
    marks: ["usage_date_utc", "usage_input_tokens_no_cache", "usage_output_tokens"],
    measures: {
      input: [
        ...["usage_input_tokens_no_cache", "usage_input_tokens_cache_read"],
        ...["usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h"],
      ],
      output: ["usage_output_tokens"],
    },
  },
  {
    // Anthropic, Cost: models by the names that people read.
    ...{ vendor: "anthropic", day: "usage_date_utc", modelName: "model" },
    marks: ["usage_date_utc", "cost_usd", "token_type"],
    measures: { usd: ["cost_usd"] },
  },
];

const OWN =
  "--column NAME=COLUMN with the names day and model, and one of usd, input, output and requests";

/**
 * The columns of an export.
 *
 * @param given `--column`: `day=Date`, `input=Prompt tokens`
 * @throws UsageError for an export that is not known, and for a column that it does not have
 */
export function columnsOf(header: readonly string[], given: readonly string[]): Columns {
  const known = KNOWN.find(({ marks }) => marks.every((name) => header.includes(name)));
  const own = new Map<string, string[]>();
  for (const text of given) {
    const at = text.indexOf("=");
    const [name, column] = [text.slice(0, at), text.slice(at + 1)];
    if (at < 1 || !["day", "model", ...MEASURES].includes(name))
      throw new UsageError(`--column must be ${OWN}.`);
    if (!header.includes(column))
      throw new UsageError(`--column ${name}: the file has no such column.`);
    own.set(name, [...(own.get(name) ?? []), column]);
  }
  const day = own.get("day")?.[0] ?? known?.day;
  const measures = Object.fromEntries(
    MEASURES.flatMap((measure) => {
      const columns = own.get(measure) ?? known?.measures[measure];
      return columns === undefined ? [] : [[measure, columns]];
    }),
  );
  if (day === undefined || Object.keys(measures).length === 0)
    throw new UsageError(
      `The columns of the file are those of no export of OpenAI or Anthropic. Name them: ${OWN}.`,
    );
  return {
    ...{ vendor: known?.vendor, day, measures },
    modelName: own.get("model")?.[0] ?? known?.modelName,
  };
}
