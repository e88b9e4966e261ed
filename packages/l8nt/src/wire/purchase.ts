/**
 * The treasury's HTTP messages: what its server writes and its client reads. Amounts are decimal
 * strings of msat.
 */
import type { NodeStanding, PaymentSummary } from "../ports/treasury.ts";

/**
 * Set by the treasury on a response that a service gave: its status and body are the service's own.
 */
export const RELAYED_FIELD = "sigil-relayed";
/** On a relayed response that was paid for: payment hash, amount and routing fee in msat. */
export const PAYMENT_FIELD = "sigil-payment";

/** The body of `POST /v1/purchases`. */
export interface PurchaseBody {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Base64. */
  readonly body?: string;
  readonly refused?: { readonly paymentHash: string; readonly delivered: boolean };
}

/** `bigint` has no JSON of its own, and a number would round. */
export function writeJson(value: object): Response {
  const text = JSON.stringify(value, (_key, member) =>
    typeof member === "bigint" ? member.toString() : member,
  );
  return new Response(text, {
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const msat = (value: unknown): bigint => BigInt(value as string);

/** @throws SyntaxError or TypeError for what is none */
export function readPayment(value: unknown, origin: string): PaymentSummary {
  const { paymentHash, amountMsat, feeMsat } = value as Json;
  return {
    origin,
    paymentHash: String(paymentHash),
    amountMsat: msat(amountMsat),
    feeMsat: msat(feeMsat),
  };
}

/** The value of a `sigil-payment` field. */
export function readPaymentField(text: string, origin: string): PaymentSummary {
  const [paymentHash, amountMsat, feeMsat] = text.split(" ");
  return readPayment({ paymentHash, amountMsat, feeMsat }, origin);
}

/** @throws SyntaxError or TypeError for what is none */
export function readNodes(value: unknown): readonly NodeStanding[] {
  if (!isObject(value) || !Array.isArray(value.nodes)) throw new TypeError("no nodes");
  return (value.nodes as Json[]).map((node) => ({
    ...(node as unknown as NodeStanding),
    spentMsat: msat(node.spentMsat),
    limits: (node.limits as Json[]).map((limit) => ({
      ...(limit as unknown as NodeStanding["limits"][number]),
      max: msat(limit.max),
      used: msat(limit.used),
    })),
  }));
}
