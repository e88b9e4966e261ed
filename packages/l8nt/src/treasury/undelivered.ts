/** The errors for something that was paid for and did not arrive. spec/4-purchase.md §4.5. */
import { type DeniedError, PaymentError, type Spent } from "../errors.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import { isPaidBy, type Order } from "./order.ts";

/** What this very order has spent on a purchase that was made. */
export const spentBy = ({ key }: Order, record: PaymentRecord): Spent =>
  isPaidBy(record, key) ? "yes" : "no";

export const notDelivered = (
  origin: string,
  spent: Spent,
  code: string | undefined,
): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    spent,
    `${origin} was paid and still asks for payment${code === undefined ? "" : ` (${code})`}. It was not paid again. A route with two paywalls, one behind the other, answers like that: each wants a payment of its own.`,
  );

export const unproven = (origin: string, spent: Spent, code: string | undefined): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    spent,
    code === undefined
      ? `${origin} was paid, gave no answer or an error (5xx), and asks for payment again. Whether it served the request cannot be known: a link or a gateway that fails looks the same as a service that does. Nothing is paid there for this agent for a while.`
      : `${origin} was paid, and says that what it sold is used up, has ended or costs more (${code}), although no answer arrived. Whether it served the request cannot be known: a proxy that sends a request twice looks the same as a service that lies. Nothing is paid there for this agent for a while.`,
  );

export const endedBefore = (origin: string): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    `The payment took so long that what ${origin} sold had ended before it could be used. Nobody is to blame by what is known. If the request may be paid for again, send it as a new order.`,
  );

export const deniedMeanwhile = (cause: DeniedError): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    `The payment was made, and the agent lost its permission meanwhile (${cause.code}), so nothing was asked for with it.`,
    { cause },
  );

export const answerLost = (origin: string): PaymentError =>
  new PaymentError(
    "ERR_ANSWER_LOST",
    "yes",
    `This order was paid for, and ${origin} counts it as answered; the answer was lost on the way, and nobody kept it. An order is paid for once. If the request may be made and paid for again, send it as a new order.`,
  );

export const givenUp = (spent: Spent): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    spent,
    "The request was given up after it was paid for, by this order or an earlier one. What was paid for is kept: send the request again, and it is used without another payment.",
  );
