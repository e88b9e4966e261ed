/** An invoicer that is opened at the first sale. */
import { lazily } from "../internal/lazily.ts";
import type { Invoicer } from "../ports/wallet.ts";

/** A build loads the module without the URL of the wallet, so opening it waits for a sale. */
export function lateInvoicer(open: () => Invoicer | Promise<Invoicer>): Invoicer {
  const opened = lazily(async () => open());
  return { createInvoice: async (request) => (await opened()).createInvoice(request) };
}
