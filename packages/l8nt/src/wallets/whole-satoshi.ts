/** For backends that make invoices of whole satoshi only. */
import { AdapterError } from "../errors.ts";

/**
 * The amount in satoshi, in decimal digits. @throws AdapterError `ERR_WALLET` where something would
 * be left over
 */
export function wholeSatoshi(amountMsat: bigint, name: string): string {
  if (amountMsat <= 0n || amountMsat % 1000n !== 0n)
    throw new AdapterError(
      "ERR_WALLET",
      `${name} makes invoices of whole satoshi only, and ${amountMsat} msat are none: price in sat, or use another wallet.`,
    );
  return String(amountMsat / 1000n);
}
