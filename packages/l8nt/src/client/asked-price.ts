/** The price in a challenge that is not paid, for people. */
import { formatAmount, msat } from "../amount.ts";
import { SigilError } from "../errors.ts";
import { readInvoice } from "../invoice/read.ts";
import { Challenge } from "../l402/index.ts";

/** Such as `10 sat`; undefined if the challenge cannot be read or names no amount. */
export function askedPrice(header: string | null): string | undefined {
  try {
    const { amountMsat } = readInvoice(Challenge.parse(header).invoice).invoice;
    return amountMsat === undefined ? undefined : formatAmount(msat(amountMsat));
  } catch (error) {
    if (error instanceof SigilError) return undefined;
    throw error;
  }
}
