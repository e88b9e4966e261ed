/** The errors for something that was paid for and did not arrive. spec/4-purchase.md §4.5. */
import { PaymentError } from "../errors.ts";

export const notDelivered = (origin: string, code: string | undefined): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    `${origin} was paid and still asks for payment${code === undefined ? "" : ` (${code})`}. It was not paid again. A route with two paywalls, one behind the other, answers like that: each wants a payment of its own.`,
  );

export const unproven = (origin: string): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    `${origin} was paid, gave no answer or an error (5xx), and asks for payment again. Whether it served the request cannot be known: a link or a gateway that fails looks the same as a service that does. Nothing is paid there for this agent for a while.`,
  );

export const answerLost = (origin: string): PaymentError =>
  new PaymentError(
    "ERR_ANSWER_LOST",
    "yes",
    `This order was paid for, and ${origin} counts it as answered; the answer was lost on the way, and nobody kept it. An order is paid for once. If the request may be made and paid for again, send it as a new order.`,
  );

export const noAnswer = (cause: unknown): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    "The service was paid and does not answer. What was paid for is kept: send the request again, and it is used before anything is paid. If the service counts the lost answer, a new order is paid for again.",
    { cause },
  );

export const givenUp = (): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    "The request was given up after it was paid for. What was paid for is kept: send the request again, and it is used without another payment.",
  );
