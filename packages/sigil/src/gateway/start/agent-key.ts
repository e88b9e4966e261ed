/** The key that the gateway prints: the last one if it was made for the same scope. */
import { type AmountText, Credential, type Scope } from "l8nt";
import { onlyIn, type Unit } from "l8nt/invoice";
import type { Store } from "l8nt/ports";
import { fromScope } from "../../scope-flags.ts";
import type { Budget } from "../config/agent-key.ts";
import { type GatewayConfig, prefixOf, unitsIn } from "../config/config.ts";
import { locationOf } from "../config/listen.ts";
import { PRESETS } from "../presets/index.ts";
import type { Service } from "../service.ts";
import { PrintedKeys } from "../store/printed-keys.ts";
import type { GatewayFolder } from "./folder.ts";

const SPANS = { hour: "budgetPerHour", day: "budgetPerDay", month: "budgetPerMonth" } as const;
/** What the key has if its budget is not named, in each unit that something is priced in. */
const USUAL: Readonly<Record<Unit, Budget>> = {
  usd_micro: { amount: "5 usd", unit: "usd_micro", span: "day" },
  msat: { amount: "1000 sat", unit: "msat", span: "day" },
};

/** The scope of the key. */
export function scopeOf(config: GatewayConfig): Scope {
  const { budget, models, capabilities, expiresIn } = config.agentKey;
  const budgets: Partial<Record<"budget" | (typeof SPANS)[keyof typeof SPANS], AmountText[]>> = {};
  for (const { amount, span } of budget ?? [...unitsIn(config)].map((unit) => USUAL[unit])) {
    const key = span === undefined ? "budget" : SPANS[span];
    budgets[key] = [...(budgets[key] ?? []), amount as AmountText];
  }
  return {
    endpoints: endpointsOf(config),
    expiresIn: expiresIn as `${number}d`,
    ...budgets,
    // A holder may append a budget, and would pay from it what nobody gave.
    ...(Object.keys(budgets).length === 0 && { maxPrice: onlyIn() }),
    ...(models !== undefined && { models }),
    ...(capabilities !== undefined && { capabilities }),
  };
}

function endpointsOf(config: GatewayConfig): readonly string[] {
  const location = locationOf(config.listen);
  const names = Object.keys(config.services);
  if (!names.some((name) => isReadOnly(name, config))) return [`* ${location}/**`];
  return names.map(
    (name) => `${isReadOnly(name, config) ? "GET" : "*"} ${location}${prefixOf(name, config)}/**`,
  );
}

/**
 * Whether the key may only read there. No budget limits what a key does at an API that charges
 * nothing and moves money, so its owner names what it may.
 */
export function isReadOnly(name: string, { services, agentKey }: GatewayConfig): boolean {
  const { movesMoney = false } = PRESETS.get(services[name]!.preset)!;
  return movesMoney && agentKey.capabilities?.[name] === undefined;
}

/** Where the keys that were printed are kept. */
export interface KeyPlace {
  readonly folder: GatewayFolder;
  readonly store: Store;
}

/**
 * The key of the last start, or of another gateway on the store, if its scope was the same and it
 * has not ended; else a new one.
 */
export async function keyFor(
  { folder, store }: KeyPlace,
  scope: Scope,
  { paywall }: Service,
): Promise<string> {
  const text = JSON.stringify(scope);
  const mint = () => fromScope(() => paywall.authority.minter.mint(scope)).toKey();
  // One that each of them printed would be a budget for each of them.
  if (store.shared) return new PrintedKeys(store, folder.secret).keyFor(text, mint, hasEnded);
  const kept = folder.keptKey(text);
  if (kept !== undefined && !hasEnded(kept)) return kept;
  const key = mint();
  folder.keepKey(text, key);
  return key;
}

const hasEnded = (key: string): boolean =>
  (Credential.parse(key).chain.validUntil ?? 0) <= Date.now() / 1000;
