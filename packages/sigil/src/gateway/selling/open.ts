/** What a configuration says of selling, with the wallet that makes the invoices. */
import { AdapterError, openWallet, type Wallet } from "l8nt";
import { UsageError } from "../../exit.ts";
import type { Selling } from "../config/selling.ts";
import type { SellingOptions } from "../service.ts";
import { readSecret } from "../vault/reference.ts";
import { reveal } from "../vault/secret.ts";

/** @throws UsageError for a reference that cannot be read, and for what is no wallet */
export async function sellingOf(
  { wallet, prepaid, most, validFor, dollar, models }: Selling,
  env: Readonly<Record<string, string | undefined>>,
): Promise<SellingOptions> {
  return {
    invoicer: await opened(wallet, env),
    terms: {
      prepaidMsat: prepaid,
      mostMsat: most,
      validFor: validFor as SellingOptions["terms"]["validFor"],
    },
    msatPerUsd: dollar,
    models: Object.fromEntries(
      Object.entries(models).map(([name, { input, output, context, maxOutput }]) => [
        name,
        { inputMsat: input, outputMsat: output, context, maxOutput },
      ]),
    ),
  };
}

async function opened(
  reference: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Wallet> {
  const url = await readSecret(reference, { env, what: "The wallet that is paid" });
  try {
    return await openWallet(reveal(url));
  } catch (error) {
    if (error instanceof AdapterError)
      throw new UsageError(`The wallet that is paid: ${error.message}`);
    throw error;
  }
}
