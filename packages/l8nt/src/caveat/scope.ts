/** A scope in a person's words, and the caveats that it compiles to. spec/2-caveats.md §1. */

import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { type Amount, amountMsat } from "../invoice/amount.ts";
import { isAgentName } from "./delegation.ts";
import { type Duration, durationSeconds } from "./duration.ts";
import { readEndpoint } from "./endpoint.ts";
import type { Vocabulary } from "./vocabulary.ts";

export interface Scope {
  /** The agent that this credential is for. Opens a new node, which can be revoked and counted on its own. */
  readonly agent?: string;
  /** Such as `"GET https://api.example/search/*"`; none listed is none allowed. */
  readonly endpoints?: readonly string[];
  /** For L402 services that name themselves: `"lightning_loop"` or `"lightning_loop:0"`. */
  readonly services?: readonly string[];
  /** By service name: what may be done there. */
  readonly capabilities?: Readonly<Record<string, readonly string[]>>;
  readonly expiresIn?: Duration;
  /** Instead of `expiresIn`. */
  readonly expiresAt?: Date;
  readonly validFrom?: Date;
  /** In all, routing fees included. */
  readonly budget?: Amount;
  readonly budgetPerHour?: Amount;
  readonly budgetPerDay?: Amount;
  /** Thirty days. */
  readonly budgetPerMonth?: Amount;
  /** For one purchase, or one request. */
  readonly maxPrice?: Amount;
  readonly maxUses?: number;
  readonly maxUsesPerMinute?: number;
  readonly maxUsesPerHour?: number;
  readonly maxUsesPerDay?: number;
  /** Hex public keys of the only nodes that may be paid. */
  readonly payees?: readonly string[];
  /** How many delegations may follow. */
  readonly maxDepth?: number;
  /** For people and for the audit. */
  readonly purpose?: string;
}

export interface CompileOptions {
  /** Unix seconds. */
  readonly now: number;
  /** Hex, 8 bytes; tells twins apart. Random where it is not given. */
  readonly nonce?: string;
}

type Writer<Value> = (value: Value, options: CompileOptions, what: string) => string | readonly string[];

const amount =
  (condition: string): Writer<Amount> =>
  (value, _options, what) =>
    `${condition}=${amountMsat(value, what)}`;

const count =
  (condition: string): Writer<number> =>
  (value, _options, what) => {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new TypeError(`${what} must be a whole number, 0 or more`);
    return `${condition}=${value}`;
  };

const date =
  (condition: string): Writer<Date> =>
  (value, _options, what) => {
    const seconds = Math.floor(value.getTime() / 1000);
    if (!(seconds >= 0)) throw new TypeError(`${what} must be a date after 1970`);
    return `${condition}=${seconds}`;
  };

// The node first: whatever follows belongs to it. Then in the order in which a person would check.
const WRITERS: { readonly [Key in keyof Required<Scope>]: Writer<Required<Scope>[Key]> } = {
  agent: (name, { nonce }, what) => {
    if (!isAgentName(name))
      throw new TypeError(`${what} must be 1 to 64 letters, digits, "-" or "_", such as "flight-booker"`);
    return `agent=${name}.${nonce ?? hexText(randomBytes(8))}`;
  },
  purpose: (text) => `purpose=${text}`,
  endpoints: (entries, _options, what) =>
    `endpoints=${entries.map((entry) => endpointText(entry, what)).join(";")}`,
  services: (names) => `services=${names.map((name) => (name.includes(":") ? name : `${name}:0`)).join(",")}`,
  capabilities: (byService) =>
    Object.entries(byService).map(
      ([service, capabilities]) => `${service}_capabilities=${capabilities.join(",")}`,
    ),
  validFrom: date("valid_from"),
  expiresAt: date("valid_until"),
  expiresIn: (duration, { now }, what) => `valid_until=${Math.floor(now) + durationSeconds(duration, what)}`,
  budget: amount("budget_msat"),
  budgetPerHour: amount("budget_msat_per_hour"),
  budgetPerDay: amount("budget_msat_per_day"),
  budgetPerMonth: amount("budget_msat_per_month"),
  maxPrice: amount("max_price_msat"),
  maxUses: count("max_uses"),
  maxUsesPerMinute: count("max_uses_per_minute"),
  maxUsesPerHour: count("max_uses_per_hour"),
  maxUsesPerDay: count("max_uses_per_day"),
  payees: (nodes) => `payees=${nodes.join(",")}`,
  maxDepth: count("max_depth"),
};

/**
 * The caveats of a scope, in the order in which they are appended.
 *
 * @throws TypeError for a scope that says something else than its writer can have meant: a misspelt key, an amount
 * without a unit, an endpoint that is no pattern
 */
export function compileScope(scope: Scope, options: CompileOptions): readonly string[] {
  for (const key of Object.keys(scope)) {
    // A misspelt limit would otherwise be no limit. [case 97]
    if (!Object.hasOwn(WRITERS, key))
      throw new TypeError(`a scope has no "${key}"; it has ${Object.keys(WRITERS).join(", ")}`);
  }
  if (scope.expiresIn !== undefined && scope.expiresAt !== undefined)
    throw new TypeError("a scope has expiresIn or expiresAt, not both");
  return Object.entries(WRITERS).flatMap(([key, write]) => {
    const value = scope[key as keyof Scope];
    return value === undefined ? [] : (write as Writer<unknown>)(value, options, `scope.${key}`);
  });
}

/** Refuses what no verifier of this vocabulary could read: a caller's own mistake, found before it is signed. @throws TypeError */
export function checkCaveats(caveats: readonly string[], vocabulary: Vocabulary): void {
  for (const caveat of caveats) {
    const at = caveat.indexOf("=");
    const condition = vocabulary.find(caveat.slice(0, at));
    if (condition?.parse(caveat.slice(at + 1)) === undefined)
      throw new TypeError(
        `the caveat "${caveat}" cannot be read as ${caveat.slice(0, Math.max(at, 0)) || "a condition"}`,
      );
  }
}

/** People may write a host in any case and a default port: it is written the one way that matches. */
function endpointText(entry: string, what: string): string {
  const pattern = readEndpoint(entry.trim().replace(/(?<=:\/\/)[^/]+/, (host) => host.toLowerCase()));
  if (pattern === undefined)
    throw new TypeError(
      `${what} has "${entry}"; an endpoint is methods, origin and path, such as "GET https://api.example/search/*"`,
    );
  return pattern.text;
}
