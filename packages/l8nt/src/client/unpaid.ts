/** The error for a 402 that the client does not pay. */
import { PaymentError } from "../errors.ts";

/** Ends the response. */
export async function unpaid(
  { body, headers }: Response,
  { origin }: URL,
  why: string,
): Promise<PaymentError> {
  await body?.cancel();
  // Loaded here, because a page that can pay never needs to read an invoice.
  const { askedPrice } = await import("./asked-price.ts");
  const price = askedPrice(headers.get("www-authenticate"));
  const asked = price === undefined ? "" : ` of ${price}`;
  return new PaymentError(
    "ERR_PAYMENT_REQUIRED",
    "no",
    `${origin} asks for payment${asked}. ${why}`,
  );
}
