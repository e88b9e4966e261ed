/** Process of the demo's treasury, which holds the wallet and buys for agents. */
import { openWallet } from "l8nt";
import { serve } from "l8nt/node";
import { guardedFetch, Treasury, treasuryApi } from "l8nt/treasury";
import { say } from "./stage.ts";

const { SIGIL_SECRET = "", SIGIL_WALLET = "" } = process.env;

const { url } = await serve((request) => api(request));
const treasury = new Treasury({
  secret: SIGIL_SECRET,
  location: url,
  wallet: await openWallet(SIGIL_WALLET),
  // The demo's services are on this machine; by default a treasury reaches only public addresses.
  fetch: guardedFetch({ allowLoopback: true }),
});
const api = treasuryApi(treasury);

say({ url });
