/** A scope in a person's words, and the caveats that it compiles to. spec/2-caveats.md §1. */

import { type AmountText, amountMsat } from "../amount.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { isAgentName } from "./delegation.ts";
import { type Duration, durationSeconds } from "./duration.ts";
import { readEndpoint } from "./endpoint.ts";
import { payees } from "./price.ts";
import { isCapability, isServiceName, services } from "./services.ts";
import type { Vocabulary } from "./vocabulary.ts";

export interface Scope {
  /**
   * The agent that this credential is for. Opens a new node, which can be revoked and counted on
   * its own.
   */
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
  readonly budget?: AmountText;
  readonly budgetPerHour?: AmountText;
  readonly budgetPerDay?: AmountText;
  /** Thirty days. */
  readonly budgetPerMonth?: AmountText;
  /** For one purchase, or one request. */
  readonly maxPrice?: AmountText;
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

type Writer<Value> = (
  value: Value,
  options: CompileOptions,
  what: string,
) => string | readonly string[];

const amount =
  (condition: string): Writer<AmountText> =>
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
    const seconds = value instanceof Date ? Math.floor(value.getTime() / 1000) : Number.NaN;
    if (!(seconds >= 0)) throw new TypeError(`${what} must be a Date after 1970`);
    return `${condition}=${seconds}`;
  };

/** Every entry is read by itself: a separator inside one would otherwise smuggle in a second. */
function listOf(
  entries: readonly string[],
  what: string,
  entry: { readonly read: (text: string) => string | undefined; readonly form: string },
): readonly string[] {
  if (!Array.isArray(entries)) throw new TypeError(`${what} must be a list of ${entry.form}`);
  return entries.map((text) => {
    const canonical = typeof text === "string" ? entry.read(text) : undefined;
    if (canonical === undefined)
      throw new TypeError(
        `${what} has ${typeof text === "string" ? JSON.stringify(text) : `a ${typeof text}`}; it lists ${entry.form}`,
      );
    return canonical;
  });
}

const ENDPOINT = {
  /**
   * People may write a host in any case and a default port: it is written the one way that matches.
   */
  read: (text: string) =>
    readEndpoint(text.trim().replace(/(?<=:\/\/)[^/]+/, (host) => host.toLowerCase()))?.text,
  form: 'methods, origin and path, such as "GET https://api.example/search/*"',
};
const SERVICE = {
  read(text: string) {
    const entry = text.includes(":") ? text : `${text}:0`;
    return services.parse(entry)?.length === 1 ? entry : undefined;
  },
  form: 'services, such as "lightning_loop" or "lightning_loop:0"',
};
const CAPABILITY = {
  read: (text: string) => (isCapability(text) ? text : undefined),
  form: 'capabilities, such as "loop_out"',
};
const PAYEE = {
  read: (text: string) => (payees.parse(text)?.length === 1 ? text : undefined),
  form: "public keys of nodes, 66 hex digits in lower case",
};

// The node first: whatever follows belongs to it. Then in the order in which a person would check.
const WRITERS: { readonly [Key in keyof Required<Scope>]: Writer<Required<Scope>[Key]> } = {
  agent: (name, { nonce }, what) => {
    if (typeof name !== "string" || !isAgentName(name))
      throw new TypeError(
        `${what} must be 1 to 64 letters, digits, "-" or "_", such as "flight-booker"`,
      );
    return `agent=${name}.${nonce ?? hexText(randomBytes(8))}`;
  },
  purpose: (text, _options, what) => {
    if (typeof text !== "string") throw new TypeError(`${what} must be a text`);
    return `purpose=${text}`;
  },
  endpoints: (entries, _options, what) => `endpoints=${listOf(entries, what, ENDPOINT).join(";")}`,
  services: (names, _options, what) => `services=${listOf(names, what, SERVICE).join(",")}`,
  capabilities: (byService, _options, what) => {
    if (typeof byService !== "object" || byService === null)
      throw new TypeError(`${what} must be an object, such as { lightning_loop: ["loop_out"] }`);
    return Object.entries(byService).map(([service, names]) => {
      if (!isServiceName(service))
        throw new TypeError(`${what} has ${JSON.stringify(service)}, which is no service's name`);
      return `${service}_capabilities=${listOf(names, `${what}.${service}`, CAPABILITY).join(",")}`;
    });
  },
  validFrom: date("valid_from"),
  expiresAt: date("valid_until"),
  expiresIn: (duration, { now }, what) =>
    `valid_until=${Math.floor(now) + durationSeconds(duration, what)}`,
  budget: amount("budget_msat"),
  budgetPerHour: amount("budget_msat_per_hour"),
  budgetPerDay: amount("budget_msat_per_day"),
  budgetPerMonth: amount("budget_msat_per_month"),
  maxPrice: amount("max_price_msat"),
  maxUses: count("max_uses"),
  maxUsesPerMinute: count("max_uses_per_minute"),
  maxUsesPerHour: count("max_uses_per_hour"),
  maxUsesPerDay: count("max_uses_per_day"),
  payees: (nodes, _options, what) => `payees=${listOf(nodes, what, PAYEE).join(",")}`,
  maxDepth: count("max_depth"),
};

/**
 * The caveats of a scope, in the order in which they are appended.
 *
 * @throws TypeError for a scope that says something else than its writer can have meant: a misspelt
 * key, an amount without a unit, an endpoint that is no pattern
 */
export function compileScope(scope: Scope, options: CompileOptions): readonly string[] {
  if (typeof scope !== "object" || scope === null || Array.isArray(scope))
    throw new TypeError(
      'a scope is an object, such as { endpoints: ["GET https://api.example/**"], expiresIn: "1h" }',
    );
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

/**
 * Refuses what no verifier of this vocabulary could read: a caller's own mistake, found before it
 * is signed. @throws TypeError
 */
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
