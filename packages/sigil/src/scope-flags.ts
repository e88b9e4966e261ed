/** A scope on the command line: the flags that `mint`, `delegate` and `get` share. */
import type { Duration, Scope } from "l8nt";
import type { AmountText } from "l8nt/invoice";
import type { Arguments, Flag } from "./arguments.ts";
import { UsageError } from "./exit.ts";
import { withoutSecrets } from "./secrecy.ts";

export const SCOPE_FLAGS = {
  agent: { value: "NAME", help: "the agent that it is for: a node of its own" },
  endpoint: {
    value: '"GET https://…"',
    repeatable: true,
    help: "what may be requested; * one segment, ** the rest",
  },
  service: { value: "NAME", repeatable: true, help: "for L402 services that name themselves" },
  capability: {
    value: "SERVICE:NAME",
    repeatable: true,
    help: "what may be done at a service, such as an MCP tool; a service that is not named here is not limited",
  },
  budget: { value: '"500 sat"', help: "in all, routing fees included" },
  "budget-per-hour": { value: '"50 sat"', help: "within any hour" },
  "budget-per-day": { value: '"100 sat"', help: "within any day" },
  "budget-per-month": { value: '"900 sat"', help: "within any thirty days" },
  "max-price": { value: '"10 sat"', help: "for one request" },
  "max-uses": { value: "N", help: "requests in all" },
  "max-uses-per-minute": { value: "N", help: "requests within any minute" },
  "max-uses-per-hour": { value: "N", help: "requests within any hour" },
  "max-uses-per-day": { value: "N", help: "requests within any day" },
  "expires-in": { value: "15m", help: "30s, 15m, 1h, 7d" },
  "expires-at": { value: "DATE", help: "ISO 8601, such as 2030-01-01T00:00:00Z" },
  payee: {
    value: "KEY",
    repeatable: true,
    help: "the only nodes that may be paid: hex public keys",
  },
  "max-depth": { value: "N", help: "how many delegations may follow" },
  purpose: { value: "TEXT", help: "for people and for the audit" },
} as const satisfies Record<string, Flag>;

export type ScopeFlag = keyof typeof SCOPE_FLAGS;

/** What each key of a scope is called here. */
const FLAG_OF: { readonly [Key in keyof Scope]: ScopeFlag } = {
  agent: "agent",
  purpose: "purpose",
  endpoints: "endpoint",
  services: "service",
  capabilities: "capability",
  expiresIn: "expires-in",
  expiresAt: "expires-at",
  budget: "budget",
  budgetPerHour: "budget-per-hour",
  budgetPerDay: "budget-per-day",
  budgetPerMonth: "budget-per-month",
  maxPrice: "max-price",
  maxUses: "max-uses",
  maxUsesPerMinute: "max-uses-per-minute",
  maxUsesPerHour: "max-uses-per-hour",
  maxUsesPerDay: "max-uses-per-day",
  payees: "payee",
  maxDepth: "max-depth",
};

/**
 * @throws UsageError for a number that is none, a date that is none; the rest is judged where it is
 * compiled
 */
export function readScope(given: Arguments<ScopeFlag>): Scope {
  const scope: Record<string, unknown> = {};
  for (const [key, flag] of Object.entries(FLAG_OF)) {
    if (!given.has(flag)) continue;
    const text = given.text(flag)!;
    if (key === "expiresAt") scope[key] = readDate(text);
    else if (/^max(?:Uses|Depth)/.test(key)) scope[key] = readCount(text, flag);
    else if (key === "capabilities") scope[key] = readCapabilities(given.all(flag)!);
    else if ("repeatable" in SCOPE_FLAGS[flag]) scope[key] = given.all(flag);
    else scope[key] = text satisfies string as string | AmountText | Duration;
  }
  return scope;
}

/**
 * Gives what `make` makes; a scope that the library cannot read is the typist's to mend. @throws
 * UsageError
 */
export function fromScope<Value>(make: () => Value): Value {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const message = withoutSecrets(inFlags(error.message));
    throw new UsageError(`${message[0]?.toUpperCase()}${message.slice(1)}.`);
  }
}

function readDate(text: string): Date {
  const date = new Date(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(date.getTime()))
    throw new UsageError("--expires-at must be a date, such as 2030-01-01T00:00:00Z.");
  if (date.getTime() <= Date.now())
    throw new UsageError(
      `--expires-at is in the past (${date.toISOString()}): such a credential is worth nothing.`,
    );
  return date;
}

/**
 * `SERVICE:NAME`; the first colon ends the service's name. `SERVICE:` alone is none of its
 * capabilities.
 */
function readCapabilities(texts: readonly string[]): Record<string, readonly string[]> {
  const byService = new Map<string, string[]>();
  for (const text of texts) {
    const at = text.indexOf(":");
    if (at < 1)
      throw new UsageError(
        "--capability must be a service and what may be done there: SERVICE:NAME.",
      );
    const [service, name] = [text.slice(0, at), text.slice(at + 1)];
    byService.set(service, [...(byService.get(service) ?? []), ...(name === "" ? [] : [name])]);
  }
  return Object.fromEntries(byService);
}

function readCount(text: string, flag: ScopeFlag): number {
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(text))
    throw new UsageError(`--${flag} must be a whole number, 0 or more.`);
  return Number(text);
}

/** The library's messages name the keys of a scope; whoever reads this typed flags. */
function inFlags(message: string): string {
  let text = message.replace("endpoints (or services)", "--endpoint (or --service)");
  for (const [key, flag] of Object.entries(FLAG_OF)) {
    text = text.replaceAll(new RegExp(`\\bscope\\.${key}\\b|\\b${key}:(?= ")`, "g"), `--${flag}`);
    if (/[A-Z]/.test(key))
      text = text.replaceAll(new RegExp(`(?<![\\w-])${key}\\b`, "g"), `--${flag}`);
  }
  return text.replace(/ \(or a bigint in msat\)/, "");
}
