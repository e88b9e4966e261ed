/** The demo's treasury: holds the wallet, and buys for whoever has a credential, within its scope and budgets. */
import { openWallet } from "l8nt";
import { serve } from "l8nt/node";
import { Treasury, treasuryApi } from "l8nt/treasury";
import { say } from "./stage.ts";

const { SIGIL_SECRET = "", SIGIL_WALLET = "" } = process.env;

const { url } = await serve((request) => api(request));
const treasury = new Treasury({
  secret: SIGIL_SECRET,
  location: url,
  wallet: await openWallet(SIGIL_WALLET),
});
const api = treasuryApi(treasury);

say({ url });
