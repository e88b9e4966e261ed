/** `selling`: what routes with access: paid are sold for, and the wallet that is paid. */
import { parseAmount } from "l8nt/invoice";
import { z } from "zod";
import { PRESETS } from "../presets/index.ts";
import type { Price, Rule } from "../routes.ts";
import { duration } from "./texts.ts";

/** An amount of bitcoin, in msat. */
const sat = (example: string) =>
  z.string().transform((text, context): bigint => {
    const amount = parseAmount(text);
    if (amount?.unit === "msat" && amount.value > 0n) return amount.value;
    context.addIssue({ code: "custom", message: `must be an amount in sat, such as "${example}"` });
    return z.NEVER;
  });

const tokens = z.int("must be a whole number of tokens").min(1);

const model = z.strictObject({
  input: sat("2 sat").meta({ description: "For 1,000 tokens of input." }),
  output: sat("6 sat").meta({ description: "For 1,000 tokens of output." }),
  context: tokens.optional().meta({
    description: "The most tokens that it reads. By default what the price list says.",
  }),
  maxOutput: tokens.optional().meta({
    description: "The most tokens of one answer. By default what the price list says.",
  }),
});

export const selling = z
  .strictObject({
    wallet: z
      .string()
      .regex(
        /^(?:env|file|cmd):/,
        "must say where the wallet's URL is, and not be the URL itself: env:NAME, file:/path, or cmd:program arguments",
      )
      .default("env:SIGIL_WALLET")
      .meta({
        description:
          "Where the URL of the wallet is that makes the invoices: env:NAME, file:/path or cmd:program. It need not be able to pay.",
      }),
    prepaid: sat("100 sat").optional().meta({
      description:
        "The least that a payment is. What is not used stays on what was bought. By default what the request can cost at most, or one call at a flat price.",
    }),
    most: sat("10000 sat").default(10_000_000n).meta({
      description:
        "The most that a payment is: 10000 sat by default. Requests that could cost more get a lower output limit.",
    }),
    validFor: duration
      .default("30d")
      .meta({ description: "How long what was bought is valid, from the invoice on." }),
    dollar: sat("1500 sat").optional().meta({
      description:
        "What one US dollar of the price list is sold for. Nothing looks a rate up: change it when it moves. Without it only `models` are sold by their tokens.",
    }),
    models: z.record(z.string().min(1), model).default({}).meta({
      description:
        "Prices of models in sat, by name, or by the beginning of the name and a star: llama3*.",
    }),
  })
  .superRefine(({ prepaid = 0n, most }, context) => {
    if (prepaid > most)
      context.addIssue({
        code: "custom",
        path: ["prepaid"],
        message: "is more than `most`, which is the most that a payment may be",
      });
  });

export type Selling = z.output<typeof selling>;

/** What is missing for a route with access: paid to be sold; undefined if nothing is. */
export function faultOfSale(
  { price }: Pick<Rule, "price">,
  terms: Selling | undefined,
  service: { readonly price: Price | undefined; readonly preset: string },
): string | undefined {
  if (terms === undefined)
    return "is paid, so the configuration needs `selling`: at least the wallet that is paid";
  if (price === "free") return "is paid, and its price is free. Write access: credential or free";
  const flat = price === undefined || price === "meter" ? service.price : price;
  if (typeof flat === "object" && flat.unit !== "msat")
    return 'is paid, so its price is in sat, such as "10 sat", or meter: invoices are in bitcoin';
  const isMetered = price === undefined || price === "meter";
  const hasMeter = PRESETS.get(service.preset)!.routes.some(
    ({ meter }) => typeof meter === "object",
  );
  const hasPrices = terms.dollar !== undefined || Object.keys(terms.models).length > 0;
  return isMetered && hasMeter && !hasPrices
    ? 'is paid by its meter, so `selling` needs prices: models, or dollar: "1500 sat"'
    : undefined;
}
