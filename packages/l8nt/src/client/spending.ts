/** What one call of `fetch` has spent, and the errors that say so. spec/4-purchase.md §2. */

import { PaymentError, SigilError, type Spent } from "../errors.ts";
import { noAnswer } from "../wire/no-answer.ts";
import { watched } from "./answer.ts";
import type { Outgoing } from "./outgoing.ts";

export class Spending {
  /** What this call has spent, for its errors. */
  spent: Spent = "no";
  /** Once it is true, nothing more is paid for this call. */
  isPaid = false;
  /** Whether something was presented that this call, or an earlier one, has paid for. */
  hasPaid = false;

  /** Something was paid for in this call. */
  paid(): void {
    this.isPaid = true;
    this.hasPaid = true;
    this.spent = "yes";
  }

  /** The error of a call that has paid says so, whatever failed. */
  told(error: unknown): unknown {
    const isTold = error instanceof PaymentError && error.spent !== "no";
    if (this.spent === "no" || isTold) return error;
    if (!(error instanceof SigilError)) return noAnswer(this.spent, error);
    return new PaymentError(
      "ERR_PAID_NOT_DELIVERED",
      this.spent,
      `This request was paid for, and then failed (${error.code}): ${error.message}`,
      { cause: error, retryAfterSeconds: error.retryAfterSeconds },
    );
  }

  /** The error of a body that broke off. The caller's own abort is passed on as it is. */
  brokenOff({ signal }: Outgoing, error: unknown): unknown {
    if (signal?.aborted || error instanceof SigilError) return error;
    return noAnswer(this.spent, error, "broke off its answer");
  }

  /** A response after a payment whose use was not consumed. */
  truthful(request: Outgoing, response: Response): Response {
    return watched(response, { read() {}, broke: (error) => this.brokenOff(request, error) });
  }

  /** The error of a service that does not serve what was paid for. */
  inVain(what: string): PaymentError {
    return new PaymentError(
      "ERR_PAID_NOT_DELIVERED",
      this.spent,
      `${what}. One request is paid for once.`,
    );
  }

  /** The error for an answer that says that the service failed. */
  failed({ status }: Response): PaymentError {
    return new PaymentError(
      "ERR_PAID_NOT_DELIVERED",
      this.spent,
      `The service was paid, by this order or an earlier one, and answered HTTP ${status}. What it has not counted as used is kept: call again, and it is used before anything is paid.`,
    );
  }
}
