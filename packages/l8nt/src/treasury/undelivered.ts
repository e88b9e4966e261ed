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

/** What a refusal may mean beside that the service took the money and served nothing. */
export type Doubt =
  | { readonly because: "no answer" | "own authorization" }
  | { readonly because: "claim"; readonly code: string };

/** @param code of the service's problem, if it has one */
export function doubtOf(code: string | undefined, inPlaceOfOwn: boolean): Doubt {
  if (inPlaceOfOwn) return { because: "own authorization" };
  return code === undefined ? { because: "no answer" } : { because: "claim", code };
}

/** For the owner. */
export function doubtInWords(doubt: Doubt): string {
  switch (doubt.because) {
    case "no answer":
      return "whose connection ended without an answer, or with 5xx: a broken link, a gateway, or a service that hangs up";
    case "own authorization":
      return "in Macaroon beside an Authorization of the agent's own, and in Authorization in its place: a service that takes both in no way, or one that lies";
    case "claim":
      return `which it says is used up, has ended or costs more (${doubt.code}), and which no answer was received for: a proxy that sends requests twice, a clock, or a service that lies`;
  }
}

export const unproven = (origin: string, spent: Spent, doubt: Doubt): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    spent,
    `${origin} was paid${refusalIn(doubt)} Nothing is paid there for this agent for a while.`,
  );

function refusalIn(doubt: Doubt): string {
  switch (doubt.because) {
    case "no answer":
      return ", gave no answer or an error (5xx), and asks for payment again. Whether it served the request cannot be known: a link or a gateway that fails looks the same as a service that does.";
    case "own authorization":
      return " and asks for payment again, both beside the request's own Authorization and in its place. Whether it takes what it sold together with an Authorization of the API's own cannot be known. Send the request without it, if the service needs none.";
    case "claim":
      return `, and says that what it sold is used up, has ended or costs more (${doubt.code}), although no answer arrived. Whether it served the request cannot be known: a proxy that sends a request twice looks the same as a service that lies.`;
  }
}

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
    `The payment was made, and the agent lost its permission meanwhile (${cause.code}), so nothing is delivered.`,
    { cause },
  );

export function answerLost(order: Order, record: PaymentRecord): PaymentError {
  const { origin } = record;
  const spent = spentBy(order, record);
  const what = spent === "yes" ? "This order was paid for" : "What this order has was paid for";
  return new PaymentError(
    "ERR_ANSWER_LOST",
    spent,
    `${what}, and ${origin} counts it as answered; the answer was lost on the way, and nobody kept it. An order is paid for once. If the request may be made and paid for again, send it as a new order.`,
  );
}

export const givenUp = (spent: Spent): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    spent,
    "The request was given up after it was paid for, by this order or an earlier one. What was paid for is kept: send the request again, and it is used without another payment.",
  );
