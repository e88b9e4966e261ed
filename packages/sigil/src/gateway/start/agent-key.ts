/** The key that the gateway prints: the last one if it was made for the same scope. */
import { type AmountText, Credential, type Scope } from "l8nt";
import { fromScope } from "../../scope-flags.ts";
import type { AgentKey, Budget } from "../config/agent-key.ts";
import type { Service } from "../service.ts";
import type { GatewayFolder } from "./folder.ts";

const SPANS = { hour: "budgetPerHour", day: "budgetPerDay", month: "budgetPerMonth" } as const;
const DEFAULT: readonly Budget[] = [{ amount: "5 usd", unit: "usd_micro", span: "day" }];

/** The scope of the key. */
export function scopeOf({ budget, models, expiresIn }: AgentKey, location: string): Scope {
  const budgets: Partial<Record<"budget" | (typeof SPANS)[keyof typeof SPANS], AmountText[]>> = {};
  for (const { amount, span } of budget ?? DEFAULT) {
    const key = span === undefined ? "budget" : SPANS[span];
    budgets[key] = [...(budgets[key] ?? []), amount as AmountText];
  }
  return {
    endpoints: [`* ${location}/**`],
    expiresIn: expiresIn as `${number}d`,
    ...budgets,
    ...(models !== undefined && { models }),
  };
}

/** The key of the last start if its scope was the same, and it has not ended; else a new one. */
export function keyFor(folder: GatewayFolder, scope: Scope, { paywall }: Service): string {
  const text = JSON.stringify(scope);
  const kept = folder.keptKey(text);
  if (kept !== undefined && !hasEnded(kept)) return kept;
  const key = fromScope(() => paywall.authority.minter.mint(scope)).toKey();
  folder.keepKey(text, key);
  return key;
}

const hasEnded = (key: string): boolean =>
  (Credential.parse(key).chain.validUntil ?? 0) <= Date.now() / 1000;
