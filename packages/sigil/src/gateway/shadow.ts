/**
 * `--shadow`: what budgets, models and prices would deny is let through and written down, so that
 * an owner sees what limits would do before they do it. What decides who somebody is, and which API
 * may be called, is denied as ever.
 */
import { DeniedError } from "l8nt";
import type { Amount } from "l8nt/invoice";
import type { Granted } from "l8nt/service";
import { Denied, denialOf } from "./denied.ts";

/** What the end of a request needs of a grant. */
export interface Counted {
  readonly grant: Pick<Granted["grant"], "consume" | "release" | "settle">;
  finish(status: number | undefined): Promise<Amount | undefined>;
  keeper(): ReturnType<Granted["keeper"]>;
}

/** Of a request that counts against no budget. */
export const UNCOUNTED: Counted = {
  grant: { consume() {}, release() {}, settle() {} },
  finish: async () => undefined,
  keeper() {
    return undefined;
  },
};

const OF_THE_GATEWAY: ReadonlySet<string> = new Set([
  ...["budget_missing", "model_not_priced", "request_not_bounded", "route_not_priced"],
]);
const OF_THE_CREDENTIAL: ReadonlySet<string> = new Set([
  ...["ERR_BUDGET", "ERR_USES", "ERR_PRICE", "ERR_MODEL"],
]);

/** The code of a denial that is about a budget, a model or a price alone; else undefined. */
export function wouldDeny(error: unknown): string | undefined {
  if (error instanceof Denied)
    return OF_THE_GATEWAY.has(error.facts.code) ? error.facts.code : undefined;
  const isOfMoney =
    error instanceof DeniedError && error.refusals.every(({ code }) => OF_THE_CREDENTIAL.has(code));
  return isOfMoney ? denialOf(error).facts.code : undefined;
}
