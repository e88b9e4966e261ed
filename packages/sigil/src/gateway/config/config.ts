/**
 * The configuration of a gateway, from a file or from flags. Each section has a file of its own
 * beside this one; a new one is a line here.
 */
import type { Unit } from "l8nt/invoice";
import { z } from "zod";
import { PRESETS } from "../presets/index.ts";
import { isBelow } from "../service-at.ts";
import { agentKey } from "./agent-key.ts";
import { alerts } from "./alerts.ts";
import { books } from "./books.ts";
import { listen } from "./listen.ts";
import { metrics } from "./metrics.ts";
import { prices } from "./prices.ts";
import { faultOfSale, selling } from "./selling.ts";
import { service, unitsOf } from "./service.ts";
import { maxSilence, secret, store } from "./store.ts";
import { allowPrivateIssuers, trust } from "./trust.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

const services = z
  .record(
    z.string().regex(/^[a-z][a-z0-9_]{0,23}$/, "is no name of a service: write it in lower case"),
    service,
  )
  .superRefine((all, context) => {
    if (Object.keys(all).length === 0)
      context.addIssue({ code: "custom", message: "needs at least one service" });
    const prefixes = new Map<string, string>();
    for (const [name, { prefix }] of Object.entries(all)) {
      const whole = prefix ?? defaultPrefix(name, all);
      const other = prefixes.get(whole);
      if (other !== undefined)
        context.addIssue({
          code: "custom",
          path: [name, "prefix"],
          message: `is that of ${other} too. Give each service its own`,
        });
      prefixes.set(whole, name);
    }
  });

export const DEFAULT_FOLDER = "sigil-gateway";

/** Sections, in the order in which they are documented. */
const sections = z.strictObject({
  listen: listen.prefault({}),
  dir: z
    .string()
    .min(1)
    .default(DEFAULT_FOLDER)
    .meta({ description: "The folder with the secret and the books, made if it is missing." }),
  store: store.optional(),
  secret: secret.optional(),
  trust: trust.default([]),
  allowPrivateIssuers,
  maxSilence: maxSilence.default("10s"),
  logLevel: z.enum(LOG_LEVELS).default("info"),
  prices: prices.prefault({}),
  books: books.prefault({}),
  metrics: metrics.optional(),
  shadow: z.boolean().default(false).meta({
    description:
      "Lets through what budgets, models and prices would deny, and writes it down (would_deny).",
  }),
  agentKey: agentKey.prefault({}),
  alerts: alerts.prefault({}),
  selling: selling.optional(),
  services,
});

/** The units that requests are charged in. */
export const unitsIn = ({
  services: all,
}: Pick<z.output<typeof sections>, "services">): ReadonlySet<Unit> =>
  new Set(Object.values(all).flatMap((one) => [...unitsOf(one)]));

type Sections = z.output<typeof sections>;

export const config = sections.superRefine((all, context) => {
  checkAgentKey(all, context);
  checkReadOnly(all, context);
  checkLocation(all, context);
});

/** Keys are for a location, so the keys of one gateway would be refused at the next. */
function checkLocation({ store, listen }: Sections, context: z.RefinementCtx): void {
  if (store === undefined || listen.location !== undefined) return;
  context.addIssue({
    code: "custom",
    path: ["listen", "location"],
    message:
      "is missing: gateways that share a store have one location, where agents reach all of them",
  });
}

function checkAgentKey(given: Sections, context: z.RefinementCtx): void {
  const units = unitsIn(given);
  const { budget, capabilities = {} } = given.agentKey;
  for (const name of Object.keys(capabilities))
    if (!Object.hasOwn(given.services, name))
      context.addIssue({
        code: "custom",
        path: ["agentKey", "capabilities", name],
        message: `is no service here: ${Object.keys(given.services).join(", ")}`,
      });
  for (const [name, { routes = [], price, preset }] of Object.entries(given.services))
    for (const [index, rule] of routes.entries()) {
      if (rule.access !== "paid") continue;
      const message = faultOfSale(rule, given.selling, { price, preset });
      const path = ["services", name, "routes", index, "access"];
      if (message !== undefined) context.addIssue({ code: "custom", path, message });
    }
  for (const [index, { unit }] of (budget ?? []).entries())
    if (!units.has(unit))
      context.addIssue({
        code: "custom",
        path: ["agentKey", "budget", index],
        message: `is in ${NAMES[unit]}, and nothing here is priced in ${NAMES[unit]}. ${insteadOf(units)}`,
      });
}

/**
 * Whether the key that is printed may only read there. No budget limits what a key does at an API
 * that charges nothing and moves money, so its owner names what it may.
 */
export function isReadOnly(
  name: string,
  { services: all, agentKey: key }: Pick<Sections, "services" | "agentKey">,
): boolean {
  const { movesMoney = false } = PRESETS.get(all[name]!.preset)!;
  return movesMoney && key.capabilities?.[name] === undefined;
}

/** What the key may do at another service, it may do at every path below that one's prefix. */
function checkReadOnly(given: Sections, context: z.RefinementCtx): void {
  const names = Object.keys(given.services);
  for (const name of names.filter((one) => isReadOnly(one, given))) {
    const prefix = prefixOf(name, given);
    const outer = names.find(
      (other) => !isReadOnly(other, given) && isBelow(prefix, prefixOf(other, given)),
    );
    if (outer !== undefined)
      context.addIssue({
        code: "custom",
        path: ["services", name, "prefix"],
        message: `is below that of ${outer}, so the key that is printed could write there. Give ${outer} a prefix beside it, or name what the key may do: agentKey.capabilities.${name}`,
      });
  }
}

const insteadOf = (units: ReadonlySet<Unit>): string => {
  if (units.has("usd_micro")) return 'Write US dollars, such as "5 usd/day"';
  return units.has("msat") ? 'Write sat, such as "1000 sat/day"' : "Leave it out";
};

const NAMES: Readonly<Record<Unit, string>> = { msat: "sat", usd_micro: "US dollars" };

export type GatewayConfig = z.output<typeof config>;

/** What the paths of a service begin with at the gateway. */
export const prefixOf = (name: string, { services: all }: Pick<GatewayConfig, "services">) =>
  all[name]?.prefix ?? defaultPrefix(name, all);

const defaultPrefix = (name: string, all: object): string =>
  Object.keys(all).length === 1 ? "" : `/${name}`;
