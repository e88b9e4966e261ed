/** The price in a challenge that is not paid, for people. */
import { formatAmount, msat } from "../amount.ts";
import { SigilError } from "../errors.ts";
import { readInvoice } from "../invoice/read.ts";
import { Challenge } from "../l402/challenge.ts";
import { otherSchemes } from "../l402/other-schemes.ts";

/**
 * Such as ` of 10 sat`, the least of several offers, or `, by x402 (…)` without an L402 challenge;
 * empty if the challenge cannot be read or names no amount. Ends the response.
 */
export async function askedPrice(response: Response): Promise<string> {
  try {
    const offers = Challenge.offers(response.headers.get("www-authenticate"));
    await response.body?.cancel();
    const amounts = offers.map(({ invoice }) => readInvoice(invoice).invoice.amountMsat ?? 0n);
    const least = amounts.reduce((one, other) => (other < one ? other : one));
    return least === 0n ? "" : ` of ${formatAmount(msat(least))}`;
  } catch (error) {
    if (!(error instanceof SigilError)) throw error;
    if (error.code !== "ERR_CHALLENGE_MISSING") {
      await response.body?.cancel();
      return "";
    }
    const others = await otherSchemes(response);
    return others.length === 0 ? "" : `, by ${others.join(" or ")}`;
  }
}
