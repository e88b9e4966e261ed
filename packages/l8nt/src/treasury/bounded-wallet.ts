/**
 * A wallet whose calls end, and whose outcomes are outcomes. One that never answers would otherwise
 * hold an order and its amount for ever, and every first payment to the same origin.
 * spec/4-purchase.md §4.3.
 */
import { AdapterError } from "../errors.ts";
import { later } from "../internal/timers.ts";
import type { Payer, PaymentOutcome } from "../ports/wallet.ts";
import { ABANDONED_SECONDS } from "./payment-lookup.ts";

/** How long a wallet may take to open, or to answer anything but a payment. */
export const ANSWER_SECONDS = 120;

/** The same wallet, opened once it is needed. */
export async function openBounded(open: () => Promise<Payer>): Promise<Payer> {
  const wallet = await answered(open());
  return {
    network: () => answered(wallet.network()),
    pay: (request) =>
      within(request.timeoutSeconds + ABANDONED_SECONDS, outcomeOf(wallet.pay(request)), () => ({
        status: "unknown",
        reason: "the wallet did not answer",
      })),
    find: (paymentHash) => answered(outcomeOf(wallet.find(paymentHash))),
    ...(wallet.paidSince && { paidSince: (at) => answered(wallet.paidSince!(at)) }),
    ...(wallet.identity && { identity: () => answered(wallet.identity!()) }),
  };
}

const NO_OUTCOME: PaymentOutcome = {
  status: "unknown",
  reason: "the wallet gave an answer that cannot be read",
};

/**
 * A wallet is an adapter of somebody else's. An answer that is no outcome says nothing about the
 * payment; the preimage and the fee are read where they are written down.
 */
async function outcomeOf(answer: Promise<unknown>): Promise<PaymentOutcome> {
  const outcome = await answer;
  if (typeof outcome !== "object" || outcome === null) return NO_OUTCOME;
  const { status, reason } = outcome as { readonly status?: unknown; readonly reason?: unknown };
  if (status === "paid") return outcome as PaymentOutcome;
  if (status !== "failed" && status !== "never-sent" && status !== "unknown") return NO_OUTCOME;
  if (typeof reason === "string") return outcome as PaymentOutcome;
  return { ...outcome, status, reason: "the wallet gives no reason" };
}

/** @throws AdapterError `ERR_WALLET` if it takes too long */
const answered = <Answer>(answer: Promise<Answer>): Promise<Answer> =>
  within(ANSWER_SECONDS, answer, () => {
    throw new AdapterError("ERR_WALLET", `The wallet did not answer within ${ANSWER_SECONDS} s.`);
  });

/** What comes of `answer`, or of `otherwise` after so many seconds. */
function within<Answer>(
  seconds: number,
  answer: Promise<Answer>,
  otherwise: () => Answer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = later(seconds * 1000, () => {
      try {
        resolve(otherwise());
      } catch (error) {
        reject(error);
      }
    });
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
