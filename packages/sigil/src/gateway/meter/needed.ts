/** The refusal of a request that less than its worst case would be enough for. */
import { BudgetError, type Refusal } from "l8nt";
import { type Amount, formatAmount } from "l8nt/invoice";

/**
 * @param least what a budget must have left; undefined if the request is never made smaller
 * @param reserved what was asked for, with the whole output limit
 */
export function needing(error: unknown, { least, reserved, unit }: NeedOfRequest): unknown {
  if (!(error instanceof BudgetError) || least === undefined || least >= reserved) return error;
  const [whole, enough] = [reserved, least].map((value) => formatAmount({ unit, value }));
  const refusals = error.refusals.map((refusal) =>
    refusal.code === "ERR_BUDGET" && refusal.need === whole
      ? {
          ...refusal,
          need: `${enough} for a short answer, and ${whole} with its whole output limit`,
        }
      : refusal,
  );
  return new BudgetError(refusals as [Refusal, ...Refusal[]], { cause: error });
}

export interface NeedOfRequest {
  readonly least: bigint | undefined;
  readonly reserved: bigint;
  readonly unit: Amount["unit"];
}
