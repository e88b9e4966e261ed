/** `services.NAME.routes[]`: who may use which paths, at what price. The first match counts. */
import { type Amount, parseAmount, type Unit } from "l8nt/invoice";
import { z } from "zod";
import type { Price, Rule } from "../routes.ts";
import { notText } from "./texts.ts";

const METHODS = /^(?:\*|[A-Z]{1,16}(?:\|[A-Z]{1,16})*)$/;
/** No escape, which could be read in two ways, and each name once. */
export const PATH =
  /^(?=\/)(?!.*\{model\}.*\{model\})(?!.*\{resource\}.*\{resource\})(?:\/(?:\{model\}|\{resource\}|\*(?!\*)|[A-Za-z0-9._~!$&'()+,;=:@-])*)*(?:(?<=\/)\*\*)?$/;

const match = z
  .string()
  .transform((text, context): Pick<Rule, "methods" | "path"> => {
    const [, methods = "", path = ""] = /^(\S+) +(\S+)$/.exec(text) ?? [];
    if (METHODS.test(methods) && PATH.test(path))
      return { methods: methods === "*" ? undefined : methods.split("|"), path };
    context.addIssue({
      code: "custom",
      message:
        'must be methods and a path below the prefix, such as "GET /v1/models", "GET|POST /v1/**" or "* /**": * stands for one segment, and ** at the end for all that follow; {model} and {resource} stand once',
    });
    return z.NEVER;
  })
  .meta({ description: 'Methods and a path, such as "GET|POST /v1/**".' });

const FREE = "free";
const METER = "meter";

/** An amount above zero. */
export function amountOf(text: string): Amount | undefined {
  const amount = parseAmount(text);
  return amount !== undefined && amount.value > 0n ? amount : undefined;
}

const NO_PRICE = 'must be an amount in US dollars or sat, such as "0.01 usd" or "10 sat", or free';

/** The price of requests that no meter has a price for. */
export const flatPrice = z
  .string({ error: notText(NO_PRICE) })
  .transform((text, context): Exclude<Price, "meter"> => {
    const price = text === FREE ? FREE : amountOf(text);
    if (price !== undefined) return price;
    context.addIssue({ code: "custom", message: NO_PRICE });
    return z.NEVER;
  })
  .meta({ description: 'Such as "0.01 usd", "10 sat" or free.' });

const price = z
  .string({ error: notText(`${NO_PRICE}, or meter`) })
  .transform((text, context): Price => {
    const read = text === FREE || text === METER ? text : amountOf(text);
    if (read !== undefined) return read;
    context.addIssue({ code: "custom", message: `${NO_PRICE}, or meter` });
    return z.NEVER;
  })
  .meta({ description: 'Such as "0.01 usd", "10 sat", free, or meter: what the preset reads.' });

/** A route as it is written. */
export const fields = z.strictObject({
  match,
  access: z
    .enum(["free", "credential", "paid", "freebie"])
    .default("credential")
    .meta({ description: "Who may use it." }),
  price: price.optional(),
  capability: z
    .string()
    .regex(
      /^(?:[a-z0-9_]|\{resource\})+(?::[a-z0-9_]+)?$/,
      "must be a name such as audio, or customers:read",
    )
    .optional()
    .meta({ description: "What a credential must be allowed to do. By default as in the preset." }),
  withKey: z.boolean().optional().meta({
    description: "Whether requests of a free route get the vendor's key. By default not.",
  }),
  freePerDay: z.int().min(1).max(1_000_000).optional().meta({
    description: "Requests of one address in each day of UTC before a credential is needed.",
  }),
});

type Fields = z.output<typeof fields>;

export const ruleOf = ({ match: { methods, path }, access, withKey, ...rest }: Fields): Rule => ({
  methods,
  path,
  access,
  price: access === "free" ? FREE : rest.price,
  capability: rest.capability,
  isKeyed: withKey ?? access !== "free",
  freePerDay: rest.freePerDay,
});

/** What goes together; a text for each key that does not. */
export function contradictions({ access, price: cost, withKey, freePerDay, capability }: Fields) {
  const isFree = cost === undefined || cost === FREE;
  const found: [key: keyof Fields, message: string][] = [];
  if (access === "free" && !isFree)
    found.push(["price", "is for routes that need a credential. Leave it out, or change access"]);
  if (access === "free" && capability !== undefined)
    found.push(["capability", "is for routes that need a credential. Leave it out"]);
  if (access !== "free" && withKey !== undefined)
    found.push(["withKey", "is for routes with access: free. The others always have the key"]);
  if (access === "freebie" && freePerDay === undefined)
    found.push(["freePerDay", "is missing: how many requests an address has a day"]);
  if (access === "freebie" && (cost === undefined || cost === METER))
    found.push([
      "price",
      'must be an amount, such as "10 sat", or free: what a meter reads comes too late',
    ]);
  if (access !== "freebie" && freePerDay !== undefined)
    found.push(["freePerDay", "is for routes with access: freebie"]);
  return found;
}

export const route = fields
  .superRefine((given, context) => {
    for (const [key, message] of contradictions(given))
      context.addIssue({ code: "custom", path: [key], message });
  })
  .transform(ruleOf);

/** The unit of a flat price. */
export const unitOf = (cost: Price | undefined): Unit | undefined =>
  typeof cost === "object" ? cost.unit : undefined;
