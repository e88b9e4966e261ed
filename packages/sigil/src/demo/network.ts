/**
 * Process of the demo's Lightning network, with signed regtest invoices, preimages that prove
 * payments, and balances.
 */
import { DevNetwork } from "l8nt/testing";
import { say } from "./stage.ts";

const network = await DevNetwork.start();
say({
  url: network.url,
  controlKey: network.controlKey,
  // The owner's wallet holds 10,000 sat. The weather API's may only make invoices.
  ownerWallet: network.account("owner", { balanceMsat: 10_000_000n }).url,
  weatherWallet: network.account("weather", { balanceMsat: 0n }).invoiceOnlyUrl,
});
