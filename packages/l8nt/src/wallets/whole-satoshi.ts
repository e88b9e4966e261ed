/** Converts amounts for backends whose invoices are in whole satoshi. */
import { AdapterError } from "../errors.ts";

/**
 * Returns the amount in satoshi, in decimal digits.
 *
 * @throws AdapterError `ERR_WALLET` for a fraction of a satoshi
 */
export function wholeSatoshi(amountMsat: bigint, name: string): string {
  if (amountMsat <= 0n || amountMsat % 1000n !== 0n)
    throw new AdapterError(
      "ERR_WALLET",
      `${name} makes invoices of whole satoshi only, not of ${amountMsat} msat: set the price in whole sat, or use another wallet.`,
    );
  return String(amountMsat / 1000n);
}
