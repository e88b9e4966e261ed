/** The key that the gateway prints: the last one if it was made for the same scope. */
import { type AmountText, type Scope, TokenError } from "l8nt";
import { limitWords } from "l8nt/caveats";
import { onlyIn, type Unit } from "l8nt/invoice";
import type { Verified } from "l8nt/l402";
import type { Store } from "l8nt/ports";
import { fromScope } from "../../scope-flags.ts";
import { dateText } from "../../words.ts";
import type { Budget } from "../config/agent-key.ts";
import { type GatewayConfig, isReadOnly, prefixOf, unitsIn } from "../config/config.ts";
import { locationOf } from "../config/listen.ts";
import type { Service } from "../service.ts";
import { PrintedKeys } from "../store/printed-keys.ts";
import type { GatewayFolder } from "./folder.ts";

const SPANS = { hour: "budgetPerHour", day: "budgetPerDay", month: "budgetPerMonth" } as const;
/** What the key has if its budget is not named, in each unit that something is priced in. */
const USUAL: Readonly<Record<Unit, Budget>> = {
  usd_micro: { amount: "5 usd", unit: "usd_micro", span: "day" },
  msat: { amount: "1000 sat", unit: "msat", span: "day" },
};

/**
 * The scope of the key. It names the services that there are, so that it opens none that is added
 * later, or whose paths are below those of another one.
 */
export function scopeOf(config: GatewayConfig): Scope {
  const { budget, models, capabilities, expiresIn } = config.agentKey;
  const budgets: Partial<Record<"budget" | (typeof SPANS)[keyof typeof SPANS], AmountText[]>> = {};
  for (const { amount, span } of budget ?? [...unitsIn(config)].map((unit) => USUAL[unit])) {
    const key = span === undefined ? "budget" : SPANS[span];
    budgets[key] = [...(budgets[key] ?? []), amount as AmountText];
  }
  return {
    services: Object.keys(config.services),
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

/** Where the keys that were printed are kept. */
export interface KeyPlace {
  readonly folder: GatewayFolder;
  readonly store: Store;
}

export interface PrintedKey {
  readonly key: string;
  /** What its owner must know about the key that the last start printed. */
  readonly notice: string | undefined;
}

/**
 * The key of the last start, or of another gateway on the store, if its scope was the same and it
 * neither has ended nor was revoked; else a new one.
 */
export async function keyFor(
  { folder, store }: KeyPlace,
  scope: Scope,
  { paywall }: Service,
): Promise<PrintedKey> {
  const text = JSON.stringify(scope);
  const hasEnded = (key: string) => holding(key, paywall) === undefined;
  const mint = () => fromScope(() => paywall.authority.minter.mint(scope)).toKey();
  const last = folder.lastKey();
  const before = last && holding(last.key, paywall);
  let key: string;
  // One that each of them printed would be a budget for each of them.
  if (store.shared) key = await new PrintedKeys(store, folder.secret).keyFor(text, mint, hasEnded);
  else key = last?.scope === text && before !== undefined ? last.key : mint();
  if (key === last?.key) return { key, notice: undefined };
  folder.keepKey(text, key);
  return { key, notice: before && noticeOf(before, folder.path) };
}

function noticeOf({ node, limits, validUntil }: Verified, dir: string): string {
  const budgets = limits
    .filter(({ kind }) => kind === "spend")
    .map(({ condition, max }) => limitWords(condition, max));
  const may = budgets.length === 0 ? "opens what it did" : `may spend ${budgets.join(" and ")}`;
  const end = validUntil === undefined ? "" : ` until ${dateText(validUntil)}`;
  return `The key of the last start is another one and still ${may}${end}, beside the new one. To stop it and everything handed down from it: sigil gateway revoke id:${node.id} --dir ${shellWord(dir)}`;
}

const shellWord = (text: string): string =>
  /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

const OVER: ReadonlySet<string> = new Set(["ERR_EXPIRED", "ERR_REVOKED"]);

/** Undefined for a key that never opens anything again. One that is frozen may be thawed. */
function holding(key: string, { authority }: Service["paywall"]): Verified | undefined {
  try {
    const verified = authority.verifier.authenticate(key);
    const refusals = verified.judge({ now: Date.now() / 1000, target: "self" });
    return refusals.some(({ code }) => OVER.has(code)) ? undefined : verified;
  } catch (error) {
    if (error instanceof TokenError) return undefined;
    throw error;
  }
}
