/**
 * The `Idempotency-Key` of a use that the caller gave none for, and what a service answers to a
 * repetition. spec/4-purchase.md §2.
 */
import { mayAddField } from "../http/added-field.ts";
import { pricedFingerprintOf } from "../http/fingerprint.ts";
import { IDEMPOTENCY_FIELD, keyOfUse as keyOf } from "../http/idempotency.ts";
import { NO_INVOICE, PREFER_FIELD } from "../http/prefer.ts";
import { isKnownKey, isRunning } from "../wire/service-refusal.ts";
import type { Held } from "./held.ts";
import type { Outgoing } from "./outgoing.ts";

/**
 * The key of a request with a credential for one request: it follows from the purchase, the order
 * that it was handed over for, and the request. A service that keeps its answers so gives a lost
 * one again, and to no other order: that one would get an old answer. Undefined if the caller gave
 * a key, or a large body.
 */
export function keyOfUse(request: Outgoing, { credential, order }: Held): string | undefined {
  const isGiven = request.headers.has(IDEMPOTENCY_FIELD) && !request.isKeyMade;
  // The key would not tell one large body from another.
  if (request.large !== undefined || request.streamed !== undefined) return undefined;
  if (isGiven || !mayAddField(request.url) || !credential.chain.isSingleUse) return undefined;
  const use = [credential.paymentHash, order.id, pricedFingerprintOf(request, request.url)];
  return keyOf({ given: undefined, sharer: undefined, use });
}

/**
 * Asks the service for no invoice, in a request whose challenge would not be paid: a treasury
 * fetches its own.
 */
export function preferNoInvoice(fields: Headers, url: URL): void {
  if (mayAddField(url)) fields.append(PREFER_FIELD, NO_INVOICE);
}

/**
 * What a service says to a repetition that it does not answer: the first request still runs, or was
 * answered and the answer is gone. Undefined for any other response, whose body is left unread.
 */
export async function repetition(response: Response): Promise<"running" | "gone" | undefined> {
  if (await isRunning(response)) return "running";
  return (await isKnownKey(response)) ? "gone" : undefined;
}
