/** The routes of a service as its owner reads them, and what is strange about them. */
import { formatAmount } from "l8nt/invoice";
import type { ServiceConfig } from "../config/service.ts";
import { PRESETS } from "../presets/index.ts";
import type { PresetRoute } from "../presets/preset.ts";
import type { Charge, Rule } from "../routes.ts";
import type { SocketRule } from "../socket/rule.ts";
import { coversPath } from "./overlap.ts";
import { textOf, warningsOf } from "./unreached.ts";

export interface ListedRoute {
  /** Methods and path, below the prefix. */
  readonly match: string;
  /** Who may use it, at what price, and what a credential must be allowed to do. */
  readonly meaning: string;
}

export interface Listed {
  readonly routes: readonly ListedRoute[];
  readonly warnings: readonly string[];
}

export const priceText = (charge: Charge): string => {
  if (charge.kind === "flat") return formatAmount(charge.price);
  return { free: "free", meter: "by its meter", unpriced: "denied: no price" }[charge.kind];
};

export const socketPriceText = ({ perMinute, perConnection }: SocketRule): string =>
  [
    `${formatAmount(perMinute)} a minute`,
    ...(perConnection === undefined ? [] : [`${formatAmount(perConnection)} a connection`]),
  ].join(" and ");

export function listed(service: ServiceConfig): Listed {
  const { routes, warnings } = listedRoutes(service);
  const sockets = (service.webSockets ?? []).map((rule) => ({
    match: `WebSocket ${rule.path}`,
    meaning: `credential, ${socketPriceText(rule)}, ${rule.capability}`,
  }));
  return { routes: [...routes, ...sockets], warnings };
}

function listedRoutes({ preset: name, routes: rules, price }: ServiceConfig): Listed {
  const preset = PRESETS.get(name)!;
  const warnings: string[] = [];
  if (rules === undefined) {
    const routes = preset.routes.map((route) => {
      const charge = chargeOf(route, price);
      const match = `${route.method} ${route.path}`;
      if (charge.kind === "unpriced")
        warnings.push(`${match} has no price, so it is denied. Give the service a price`);
      return { match, meaning: `credential, ${priceText(charge)}, ${route.capability}` };
    });
    return { routes, warnings };
  }
  warnings.push(...warningsOf(rules));
  const routes = rules.map((rule): ListedRoute => {
    const match = textOf(rule);
    const known = preset.routes.filter(
      ({ method, path }) =>
        (rule.methods === undefined || method === "*" || rule.methods.includes(method)) &&
        coversPath(rule.path, path),
    );
    const wider = preset.routes.filter(
      ({ method, path }) =>
        (method === "*" || rule.methods?.includes(method) === true) && coversPath(path, rule.path),
    );
    // What no route of the preset knows has no meter: the service's price, and the capability call.
    const all = known.length > 0 ? known : [...wider, writtenOf(rule)].slice(0, 1);
    const parts = meaningOf(rule, all, price);
    if (isDenied(rule, all, price))
      warnings.push(
        `${match} has no price, so all of it is denied. Write price: free, or an amount`,
      );
    if (
      rule.access === "free" &&
      !rule.isKeyed &&
      preset.name !== "generic" &&
      preset.name !== "ollama"
    )
      warnings.push(
        `${match} is sent without the vendor's key, which ${preset.name} refuses. If all may use it at your cost, write withKey: true`,
      );
    return { match, meaning: parts.join(", ") };
  });
  return { routes, warnings };
}

const writtenOf = ({ path }: Rule): PresetRoute => ({
  method: "*",
  path,
  capability: "call",
  meter: "flat",
});

function chargeOf({ meter }: PresetRoute, price: ServiceConfig["price"]): Charge {
  if (typeof meter === "object") return { kind: "meter" };
  if (meter === "free" || price === "free") return { kind: "free" };
  return price === undefined ? { kind: "unpriced" } : { kind: "flat", price };
}

/** Whether nothing that the rule lists has a price. */
const isDenied = (
  rule: Rule,
  known: readonly PresetRoute[],
  price: ServiceConfig["price"],
): boolean =>
  rule.access !== "free" &&
  (rule.price === undefined || rule.price === "meter") &&
  price === undefined &&
  known.every(({ meter }) => meter === "flat");

function meaningOf(
  rule: Rule,
  known: readonly PresetRoute[],
  price: ServiceConfig["price"],
): readonly string[] {
  const { access, price: own, capability, freePerDay, isKeyed } = rule;
  if (access === "free") return ["free", isKeyed ? "with the vendor's key" : "without a key"];
  const charges =
    own === undefined || own === "meter"
      ? known.map((route) => priceText(chargeOf(route, price)))
      : [priceText(own === "free" ? { kind: "free" } : { kind: "flat", price: own })];
  const prices = [...new Set(charges)];
  const capabilities = capability ?? [...new Set(known.map((route) => route.capability))].join("|");
  return [
    access === "freebie" ? `${freePerDay} a day for each address, then a credential` : access,
    prices.join(" or "),
    capabilities,
  ];
}
