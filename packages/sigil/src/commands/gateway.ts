/** `sigil gateway`: an API that knows only API keys, behind credentials with budgets. */
import { command } from "../command.ts";
import { FLAGS, type Given } from "../gateway/start/flags.ts";

export const gateway = command({
  name: "gateway",
  summary: "put credentials with budgets before an API that takes API keys",
  usage: '--preset NAME [--budget "5 usd/day"] [--model NAME …] [FLAGS]',
  help: `Serves the vendor's API until Ctrl-C or SIGTERM, with the vendor's key, which no agent sees. It
prints a base URL and one key, sk-sigil-…, which any SDK of the vendor takes as its API key. Hand out
weaker keys with \`sigil delegate --key-form\`; each is counted at every key above it.

Before a request is sent, the most that it can cost is reserved; what it came to is spent when its
answer has ended. A request that could cost more than is left gets a lower output limit
(Sigil-Output-Limited), or 402. Models without a price are denied.`,
  flags: FLAGS,
  async run(given: Given, terminal) {
    // Loaded here, because no other command needs a proxy.
    const { start } = await import("../gateway/start/start.ts");
    return start(given, terminal);
  },
});
