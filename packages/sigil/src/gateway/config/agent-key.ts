/** `agentKey`: the key that the gateway prints when it starts. */
import { parseAmount } from "l8nt/invoice";
import { z } from "zod";
import { capability, duration } from "./texts.ts";

const BUDGET = /^([^/]+?) ?(?:\/ ?(?:a )?(hour|day|month))?$/;

export interface Budget {
  readonly amount: string;
  readonly unit: "msat" | "usd_micro";
  /** Undefined: in all. */
  readonly span: "hour" | "day" | "month" | undefined;
}

const EXAMPLES = '"5 usd", "5 usd/day", "0.5 usd/hour", "50 usd/month" or "1000 sat/day"';

const budget = z.string().transform((text, context): Budget => {
  const [, amount = "", span] = BUDGET.exec(text) ?? [];
  const unit = parseAmount(amount)?.unit;
  if (unit !== undefined) return { amount, unit, span: span as Budget["span"] };
  context.addIssue({
    code: "custom",
    message: `must be an amount in US dollars or sat, and may have a span: ${EXAMPLES}`,
  });
  return z.NEVER;
});

export const agentKey = z.strictObject({
  budget: z
    .array(budget)
    .superRefine((budgets, context) => {
      const spans = budgets.map(({ unit, span }) => `${unit} ${span}`);
      if (new Set(spans).size < spans.length)
        context.addIssue({ code: "custom", message: "has two amounts for one span" });
    })
    .optional()
    .meta({
      description:
        "What the key may spend: in all, or an hour, a day or a month. By default 5 usd/day if something is priced in US dollars, and 1000 sat/day if something is priced in sat.",
    }),
  models: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .meta({ description: "Models that it may use, or the beginning of a name: gpt-5*." }),
  capabilities: z.record(z.string(), z.array(capability).min(1)).optional().meta({
    description:
      "What it may do, by service: stripe: [customers:read]. By default all; at Stripe, only read.",
  }),
  expiresIn: duration.default("30d").meta({ description: "How long it is valid." }),
});

export type AgentKey = z.output<typeof agentKey>;
