/** An order of one paid request, and what the treasury answers. spec/4-purchase.md §7. */
import { UNITS } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { base64Bytes, base64Text } from "../internal/bytes.ts";
import { Credential } from "../l402/credential.ts";
import type { PaymentSummary, Purchase, PurchaseRequest } from "../ports/treasury.ts";
import { amount } from "./amount.ts";
import {
  type Codec,
  codecOf,
  flag,
  hash,
  list,
  mapped,
  object,
  optional,
  pair,
  pattern,
  text,
} from "./codec.ts";
import { message, readAnswer, writeAnswer } from "./message.ts";

/** Set on a response that a service gave: its status and body are the service's own. */
const RELAYED_FIELD = "sigil-relayed";
/**
 * On a relayed response that was paid for: payment hash, unit, amount and routing fee, such as
 * `4f…9a msat 10000 12`, and `earlier` if the payment was.
 */
const PAYMENT_FIELD = "sigil-payment";

const MAX_ORDER_BYTES = 2 * 1024 * 1024;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** A line break in a header field would begin another field. [case 9] */
const fieldName = pattern(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "be the name of a header field");
const fieldValue = pattern(/^[\t\x20-\x7e\x80-\xff]*$/, "be the value of a header field");

/** What `base64Bytes` takes: either alphabet, padded or not, with unused bits of zero. */
const BASE64 = ["+/", "\\-_"]
  .map((last) => {
    const digit = `[A-Za-z0-9${last}]`;
    return `(?:${digit}{4})*(?:${digit}[AQgw](?:==)?|${digit}{2}[AEIMQUYcgkosw048]=?)?`;
  })
  .join("|");

export const base64: Codec<Uint8Array<ArrayBuffer>> = {
  ...mapped(text, "be base64", base64Bytes, base64Text),
  schema: { type: "string", contentEncoding: "base64", pattern: `^(?:${BASE64})$` },
};

export const payment = codecOf<PaymentSummary>()(
  object({
    origin: text,
    paymentHash: hash,
    amount,
    fee: amount,
    earlier: optional(flag),
  }),
);

const orderId = pattern(/^[A-Za-z0-9_-]{8,64}$/, "be 8 to 64 letters, digits, _ and -");
/** As many as a head of 16 KiB has. */
const MAX_FIELDS = 1000;
/** How many other orders one order names. */
const MAX_ORDER_IDS = 64;

export const PURCHASES_PATH = "/v1/purchases";

/** No field names an invoice, a payee or another agent's node. [cases 85, 100] */
export const purchase = message({
  name: "purchase",
  method: "POST",
  path: PURCHASES_PATH,
  summary:
    "Answers one request, from what is held or by paying within the credential's scope: with a credential for the service, or, with the field sigil-relayed, with the service's own answer",
  audience: "agent",
  maxBodyBytes: MAX_ORDER_BYTES,
  body: object({
    id: orderId,
    method: text,
    url: text,
    headers: optional(list(pair(fieldName, fieldValue), MAX_FIELDS)),
    body: optional(base64),
    madeKey: optional(flag),
    refused: optional(object({ paymentHash: hash, mayBeUsed: flag, unanswered: optional(flag) })),
    answered: optional(list(orderId, MAX_ORDER_IDS)),
    underWay: optional(list(orderId, MAX_ORDER_IDS)),
  }),
  answer: object({ credential: text, payment: optional(payment) }),
});

export const answeredOrders = message({
  name: "answered",
  method: "POST",
  path: "/v1/answered",
  summary:
    "Says that the agent has the answers of these orders of its node, as answered in an order does: at the end of a client, which orders nothing more",
  audience: "agent",
  body: object({ orders: list(orderId, MAX_ORDER_IDS) }),
  answer: object({ done: flag }),
});

/** The body of the order; the credential travels in `Authorization`. */
export const orderOf = ({ credential: _, signal: __, ...order }: PurchaseRequest) => order;

export function writePurchase(bought: Purchase): Response {
  if (bought.kind === "credential") return writeAnswer(purchase, bought);
  // It was made for this order: nobody else has its fields.
  const { response, payment: paid } = bought;
  response.headers.set(RELAYED_FIELD, "1");
  if (paid !== undefined) response.headers.set(PAYMENT_FIELD, formatPayment(paid));
  return response;
}

/** Whether the status and the body are a service's, and not the treasury's. */
export const isRelayed = (response: Response): boolean => response.headers.has(RELAYED_FIELD);

/**
 * @param origin the origin that was ordered from
 * @throws AdapterError or TokenError for an answer that is not as declared
 */
export async function readPurchase(response: Response, origin: string): Promise<Purchase> {
  if (isRelayed(response)) return relayed(response, origin);
  const answer = await readAnswer(purchase, response, MAX_ANSWER_BYTES);
  return {
    ...answer,
    kind: "credential",
    credential: Credential.parse(answer.credential).toString(),
  };
}

function relayed(response: Response, origin: string): Purchase {
  const paid = response.headers.get(PAYMENT_FIELD);
  const headers = new Headers(response.headers);
  headers.delete(RELAYED_FIELD);
  headers.delete(PAYMENT_FIELD);
  const { body, status, statusText } = response;
  return {
    kind: "response",
    response: new Response(body, { status, statusText, headers }),
    ...(paid !== null && { payment: parsePayment(paid, origin) }),
  };
}

function formatPayment({ paymentHash, amount, fee, earlier = false }: PaymentSummary): string {
  const { unit, value } = amount;
  return `${paymentHash} ${unit} ${value} ${fee.value}${earlier ? " earlier" : ""}`;
}

function parsePayment(field: string, origin: string): PaymentSummary {
  const [, paymentHash, written, value, fee, earlier] =
    /^([0-9a-f]{64}) (\w+) ([0-9]{1,20}) ([0-9]{1,20})( earlier)?$/.exec(field) ?? [];
  const unit = UNITS.find((one) => one === written);
  if (paymentHash === undefined || unit === undefined)
    throw new AdapterError(
      "ERR_TREASURY",
      `The field ${PAYMENT_FIELD} must be a payment hash, a unit, an amount and a fee.`,
    );
  return {
    origin,
    paymentHash,
    amount: { unit, value: BigInt(value!) },
    fee: { unit, value: BigInt(fee!) },
    ...(earlier !== undefined && { earlier: true }),
  };
}
