/** Which denials a payment helps with. spec/3-challenge.md §5. */
import type { BudgetCode, DenialCode, DeniedError } from "../errors.ts";

/** Genuine, and a fresh payment would help. Every other denial is 403: paying would not help. */
const PAYABLE = new Set<DenialCode | BudgetCode>([
  "ERR_EXPIRED",
  "ERR_REVOKED",
  "ERR_BUDGET",
  "ERR_USES",
]);

/** Whether a new payment would remove every refusal of `error`. */
export const isPayable = (error: DeniedError): boolean =>
  error.refusals.every(
    ({ code, node }) =>
      // The price that a sale was capped at stands at the root; the cap of an agent binds the agent
      // whatever is paid.
      PAYABLE.has(code) || (code === "ERR_PRICE" && node?.agent === undefined),
  );
