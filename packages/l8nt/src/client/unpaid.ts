/** A 402 that asks the client for payment, and the error if it is not paid. */
import { PaymentError } from "../errors.ts";
import { presentsCredential } from "../l402/fields.ts";
import { isForSale } from "../wire/service-refusal.ts";

/**
 * Whether a response asks the client for payment. A 402 to a credential of the caller's own is the
 * caller's to read, and so is one about an account, which an API with keys says.
 *
 * @param headers of the request, as the caller made it
 */
export async function asksForPayment(headers: Headers, response: Response): Promise<boolean> {
  if (response.status !== 402 || presentsCredential(headers)) return false;
  return !headers.has("authorization") || isForSale(response);
}

/** Ends the response. */
export async function unpaid(
  response: Response,
  { origin }: URL,
  why: string,
): Promise<PaymentError> {
  // Loaded here, because a page that can pay never needs to read an invoice.
  const { askedPrice } = await import("./asked-price.ts");
  const asked = await askedPrice(response);
  return new PaymentError(
    "ERR_PAYMENT_REQUIRED",
    "no",
    `${origin} asks for payment${asked}. ${why}`,
  );
}
