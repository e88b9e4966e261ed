/** The tools that the paid stdio servers of the tests sell. */
import { paidTool, type ToolServer } from "l8nt/mcp";
import { Paywall } from "l8nt/service";
import { devWallet } from "l8nt/wallets/dev";

const { INVOICER = "", NOW = "", SECRET = "", LOCATION = "" } = process.env;

const paywall = new Paywall({
  secret: SECRET,
  location: LOCATION,
  invoicer: devWallet(INVOICER),
  clock: () => Number(NOW),
});

export function equip(server: ToolServer<unknown>): void {
  let served = 0;
  paidTool(server, "forecast", { paywall, price: "10 sat" }, () => ({
    content: [{ type: "text", text: `sunny ${++served}` }],
  }));
}
