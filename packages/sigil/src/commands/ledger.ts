/** `sigil ledger`: checks that the totals of a treasury's books match the journal. */
import { auditLedger, type LedgerFault } from "l8nt/treasury";
import type { Flag } from "../arguments.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit.ts";
import { KEY_FLAGS, publicKeyOf, verifierOf } from "../treasury/checkpoint.ts";
import { existingFolder } from "../treasury/folder.ts";
import { folderFlag } from "../treasury/start.ts";
import { openStore } from "../treasury/store.ts";
import { wrongVerb } from "../wrong-verb.ts";

const FLAGS = {
  dir: { value: "DIR", help: "the treasury's folder" },
  ...KEY_FLAGS,
} as const satisfies Record<string, Flag>;

export const ledger = command<keyof typeof FLAGS>({
  name: "ledger",
  summary: "check the treasury's totals against its journal",
  usage: "verify --dir DIR [--public-key HEX]",
  help: `Computes every total again from the journal and compares it. Also checks that no reservation was
resolved twice, and that no limit was ever exceeded. Of entries that were summed up and removed ("keep" in
config.json), it takes the sums, and verifies that the treasury signed them, with --public-key or the
treasury's key. Reads the books and changes nothing. Run it while no treasury writes to them.`,
  flags: FLAGS,
  positionals: 1,
  async run(given, terminal) {
    const [verb] = given.positionals;
    if (verb !== "verify") throw wrongVerb(verb, ["verify"], "sigil ledger verify --dir DIR");
    const folder = existingFolder(folderFlag(given));
    const store = await openStore(folder, terminal, true);
    try {
      const verifier = await verifierOf(await publicKeyOf(given, terminal, folder, store));
      const { entries, counters, open, checkpoint, faults } = await auditLedger(store, verifier);
      const lines = faults.map(({ what, id }) => `  ${id}: ${what}`);
      const counted = `${entries} journal entries, ${counters} totals, ${open} reservations open`;
      // What was folded is taken from its sums.
      const folded = {
        entries: checkpoint.entries,
        through: checkpoint.through,
        digest: checkpoint.digest,
      };
      const unseen =
        folded.entries === 0
          ? ""
          : `${folded.entries} older entries, up to number ${folded.through}, were summed up and removed; their sums are ${isSigned(faults) ? `as key ${checkpoint.keyId} signed them` : "not as the treasury signed them"}. Their digest is ${folded.digest}.\n`;
      terminal.answer(
        faults.length === 0
          ? `The books are right: ${counted}.\n${unseen}`
          : `The books are wrong (${counted}):\n${lines.join("\n")}\n${unseen}`,
        { entries, counters, open, folded, faults },
      );
      return faults.length === 0 ? EXIT.ok : EXIT.failed;
    } finally {
      await store.close();
    }
  },
});

const isSigned = (faults: readonly LedgerFault[]): boolean =>
  faults.every(({ id }) => id !== "checkpoint");
