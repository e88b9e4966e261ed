/** Pays invoices of a town, as a person with a wallet would. */
import { Invoice } from "l8nt/invoice";
import { devWallet } from "l8nt/wallets/dev";
import type { Town } from "../../packages/l8nt/src/testing/fixtures/town.ts";

/** @returns pays an invoice from the treasury's account, and resolves with the preimage */
export function payFrom({ network }: Town): (invoice: string) => Promise<string> {
  const wallet = devWallet(network.account("treasury").url);
  return async (invoice) => {
    const { paymentHash, amountMsat } = Invoice.decode(invoice);
    const outcome = await wallet.pay({
      ...{ invoice, paymentHash, amountMsat: amountMsat! },
      ...{ maxFeeMsat: 3000n, timeoutSeconds: 10 },
    });
    if (outcome.status !== "paid") throw new Error(`not paid: ${outcome.status}`);
    return outcome.preimage;
  };
}
