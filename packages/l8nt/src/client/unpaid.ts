/** The error for a 402 that the client does not pay. */
import { PaymentError } from "../errors.ts";

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
