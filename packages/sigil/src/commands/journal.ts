/** `sigil journal`: lists the changes to a treasury's books, and shows what older ones came to. */
import { formatAmount } from "l8nt/invoice";
import type { JournalEvent } from "l8nt/ports";
import { command } from "../command.ts";
import { countOf } from "../count.ts";
import { EXIT } from "../exit.ts";
import { sentenceRow } from "../rows.ts";
import { printable } from "../secrecy.ts";
import { CHECKPOINT_FLAGS, type CheckpointFlag, checkpoint } from "../treasury/checkpoint.ts";
import { OWNER_FLAGS, ownerClient } from "../treasury/owner-client.ts";
import { dateText } from "../words.ts";
import { wrongVerb } from "../wrong-verb.ts";

export const journal = command<keyof typeof OWNER_FLAGS | CheckpointFlag | "after" | "limit">({
  name: "journal",
  summary: "list changes to a treasury's books, and what older ones came to",
  usage:
    "[--after N] [--limit N] --dir DIR | checkpoint [FILE] --dir DIR [--verify] [--public-key HEX]",
  help: `Without a verb, it asks a running treasury for its journal.

checkpoint reads the books in the folder, also while a treasury writes to them, and shows the latest
checkpoint: what the entries came to that were summed up and removed ("keep" in config.json), and who
signed it. --verify verifies the signature, with --public-key or the treasury's key. FILE is a checkpoint
that --json printed: then it needs no folder, only the public key.`,
  flags: {
    ...OWNER_FLAGS,
    limit: { value: "N", help: "how many to list (default: 100)" },
    after: { value: "N", help: "only entries after this number" },
    ...CHECKPOINT_FLAGS,
  },
  positionals: 2,
  async run(given, terminal) {
    const [verb, file] = given.positionals;
    if (verb === "checkpoint") return checkpoint(given, file, terminal);
    if (verb !== undefined)
      throw wrongVerb(verb, ["checkpoint"], "sigil journal [checkpoint] --dir DIR");
    const client = ownerClient(given, terminal);
    const rows = await client.journal(countOf(given, "after"), countOf(given, "limit"));
    const lines = rows.map(({ seq, at, event }) =>
      sentenceRow(`${seq}  ${dateText(at)}`, eventText(event), terminal.columns),
    );
    terminal.answer(lines.length === 0 ? "Nothing.\n" : `${lines.join("\n")}\n`, { entries: rows });
    return EXIT.ok;
  },
});

function eventText(event: JournalEvent): string {
  switch (event.type) {
    case "reserve":
      return `reserved ${formatAmount(event.reservation.amount)} (${event.reservation.id})`;
    case "commit":
      return `committed ${formatAmount(event.amount)} (${event.id})`;
    case "release":
      return `released (${event.id})`;
    case "payment":
      return `payment ${event.paymentHash} is ${event.status}`;
    case "directive":
      return printable(
        `${event.kind} ${event.nodeId}${event.reason === undefined ? "" : `: ${event.reason}`}`,
      );
    case "note":
      return printable(event.text);
  }
}
