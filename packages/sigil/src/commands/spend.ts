/** `sigil spend`: what was spent at a gateway. */
import { command } from "../command.ts";
import { SPEND_FLAGS } from "../gateway/books/spend-flags.ts";

export const spend = command<keyof typeof SPEND_FLAGS>({
  name: "spend",
  summary: "show what was spent at a gateway, by agent, model, route or day",
  usage: "--by agent|model|route|day --dir DIR [--from DATE] [--to DATE] [--csv]",
  help: "Reads the gateway's books, also while it runs. Amounts are in US dollars; an asterisk marks sums of which a part was estimated, because the vendor did not state all usage.",
  flags: SPEND_FLAGS,
  async run(given, terminal) {
    // Loaded here, because no other command reads a gateway's books.
    const { spend } = await import("../gateway/books/spend.ts");
    return spend(given, terminal);
  },
});
