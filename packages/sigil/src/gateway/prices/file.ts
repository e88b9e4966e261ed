/**
 * The format of a price file: YAML in which every value is read as text, so that no price is ever a
 * float.
 */
import { parseDocument } from "yaml";
import { z } from "zod";
import { isDate } from "../../calendar.ts";
import { UsageError } from "../../exit.ts";
import { TOKEN_PARTS } from "../usage.ts";
import { dividedBy, type Fraction, readDecimal, ZERO } from "./fraction.ts";

/** A count of tokens, with a price of its own. */
export type TokenPart = (typeof TOKEN_PARTS)[number];

const MILLION = 1_000_000n;
const FREE = "free";
const RATE = /^(?<amount>\d{1,9}(?:\.\d{1,30})?)(?:\/(?<per>[1-9]\d{0,8}))?$/;

/** Reads a rate such as "10/1000"; undefined for anything else. A zero must be `free`. */
function readRate(text: string): Fraction | undefined {
  if (text === FREE) return ZERO;
  const { amount, per = "1" } = RATE.exec(text)?.groups ?? {};
  const price = amount === undefined ? undefined : readDecimal(amount);
  return price === undefined || price.numerator === 0n ? undefined : dividedBy(price, BigInt(per));
}

const priceText = (example: string, perOne: (rate: Fraction) => Fraction, mayDivide: boolean) =>
  z.string(`a price must be a text such as ${example}`).transform((text, context): Fraction => {
    const rate = mayDivide || !text.includes("/") ? readRate(text) : undefined;
    if (rate !== undefined) return perOne(rate);
    const message =
      readDecimal(text)?.numerator === 0n
        ? "a price of zero is written free"
        : `must be a price in US dollars such as ${example}, or free`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });

/** US dollars for a million tokens. */
const tokenPrice = priceText("2.5", (rate) => dividedBy(rate, MILLION), false);
/** US dollars for one, or for as many as stand after a slash. */
const unitPrice = priceText("0.01 or 10/1000", (rate) => rate, true);

/** What a price is multiplied by; never less than it. */
const factor = z.string().transform((text, context): Fraction => {
  const read = readDecimal(text);
  if (read !== undefined && read.numerator >= read.denominator) return read;
  context.addIssue({ code: "custom", message: "must be a factor of at least 1, such as 1.1" });
  return z.NEVER;
});
const count = z
  .string()
  .regex(/^[1-9]\d{0,11}$/, "must be a whole number above 0")
  .transform(Number);
const day = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, "must be a date such as 2026-11-29")
  .refine(isDate, "is no date of the calendar");

const tokenPrices = Object.fromEntries(
  TOKEN_PARTS.map((part) => [part, tokenPrice.optional()]),
) as Record<TokenPart, z.ZodOptional<typeof tokenPrice>>;

const steps = z.array(z.strictObject({ tokens: count, ...tokenPrices })).optional();

const priceSet = {
  ...tokenPrices,
  /** Prices of the whole request if its input is longer than `tokens`. */
  over: steps,
  /** Prices of a service tier, instead of all above. */
  tiers: z.record(z.string(), z.strictObject({ ...tokenPrices, over: steps })).optional(),
  /** What the rest of a tier multiplies every token price by: `us` in `standard+us`. */
  factors: z.record(z.string(), factor).optional(),
  calls: z.record(z.string(), unitPrice).optional(),
  units: z.record(z.string(), unitPrice).optional(),
};

const model = z.union([
  z.literal(FREE),
  z.strictObject({
    names: z.array(z.string().min(1)).optional(),
    context: count.optional(),
    maxOutput: count.optional(),
    reasons: z.enum(["true", "false"]).optional(),
    ...priceSet,
    /** What the prices are from a date on, 00:00 UTC. */
    later: z.array(z.strictObject({ from: day, ...priceSet })).optional(),
  }),
]);

const file = z.strictObject({
  source: z.string().optional(),
  date: day,
  vendors: z.record(z.string(), z.record(z.string(), model)),
});

export type PriceFile = z.infer<typeof file>;
export type ModelEntry = z.infer<typeof model>;
export type PriceSet = z.infer<z.ZodObject<typeof priceSet>>;
export type TokenPrices = { readonly [part in TokenPart]?: Fraction | undefined };

/** Reads a price file. @throws UsageError that names the file and the key */
export function readPriceFile(text: string, name: string): PriceFile {
  const document = parseDocument(text, { schema: "failsafe", uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined) throw new UsageError(`${name}: ${error.message.split("\n")[0]}`);
  const result = file.safeParse(document.toJS({ maxAliasCount: 0 }));
  if (result.success) return result.data;
  const { path, message } = deepest(result.error.issues[0]!);
  throw new UsageError(`${name}: ${path.join(".") || "the file"}: ${message}`);
}

interface Found {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** A model is `free` or an object. What is wrong with the object is the better message. */
function deepest(issue: z.core.$ZodIssue): Found {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors.at(-1)?.[0];
  if (inner === undefined) return issue;
  const { path, message } = deepest(inner);
  return { path: [...issue.path, ...path], message };
}
