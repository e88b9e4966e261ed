/**
 * The `Idempotency-Key` of a use that the caller gave none for, and what a service answers to a
 * repetition. spec/4-purchase.md §2.
 */
import { pricedFingerprintOf } from "../http/fingerprint.ts";
import { IDEMPOTENCY_FIELD, keyOfUse as keyOf } from "../http/idempotency.ts";
import { NO_INVOICE, PREFER_FIELD } from "../http/prefer.ts";
import { isKnownKey, isRunning } from "../wire/service-refusal.ts";
import type { Held } from "./held.ts";
import type { Outgoing } from "./outgoing.ts";

/** A page of another origin may send only fields that the service lists, and few list this one. */
const isPage = "document" in globalThis || "importScripts" in globalThis;

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
  if (isPage || !credential.chain.isSingleUse || isGiven) return undefined;
  const use = [credential.paymentHash, order.id, pricedFingerprintOf(request, request.url)];
  return keyOf({ given: undefined, sharer: undefined, use });
}

/**
 * Asks the service for no invoice, in a request whose challenge would not be paid: a treasury
 * fetches its own. A page does not ask another origin, whose service would have to list the field.
 */
export function preferNoInvoice(fields: Headers, { origin }: URL): void {
  if (!isPage || origin === globalThis.location?.origin) fields.append(PREFER_FIELD, NO_INVOICE);
}

/**
 * What a service says to a repetition that it does not answer: the first request still runs, or was
 * answered and the answer is gone. Undefined for any other response, whose body is left unread.
 */
export async function repetition(response: Response): Promise<"running" | "gone" | undefined> {
  if (await isRunning(response)) return "running";
  return (await isKnownKey(response)) ? "gone" : undefined;
}
