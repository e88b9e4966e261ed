/** `sigil receipts verify|list|export`: the signed receipts of a treasury's payments. */
import type { Arguments, Flag } from "../arguments.ts";
import { command } from "../command.ts";
import { exportAll, listReceipts } from "../receipts/show.ts";
import { verifyReceipts } from "../receipts/verify.ts";
import type { Terminal } from "../terminal.ts";
import { OWNER_FLAGS } from "../treasury/owner-client.ts";
import { wrongVerb } from "../wrong-verb.ts";

const FLAGS = {
  "public-key": { value: "HEX", help: "verify: the treasury's receipt key, 64 hex digits" },
  after: { value: "N", help: "list: only receipts after this sequence number" },
  "key-file": { value: "FILE", help: "export: the treasury's key, if it is not in the folder" },
  ...OWNER_FLAGS,
} as const satisfies Record<string, Flag>;

export type ReceiptFlag = keyof typeof FLAGS;

/** Runs a verb with the arguments after it, and returns the exit code. */
type Verb = (
  given: Arguments<ReceiptFlag>,
  rest: readonly string[],
  terminal: Terminal,
) => Promise<number>;

const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["verify", verifyReceipts],
  ["list", listReceipts],
  ["export", exportAll],
]);

export const receipts = command<ReceiptFlag>({
  name: "receipts",
  summary: "list and export receipts, and verify that none is missing",
  usage: "verify [FILE|-] --public-key HEX | list --dir DIR | export --dir DIR > FILE",
  help: `verify reads an export from a file or stdin: JSON Lines with a signed receipt on each line and a
signed head on the last. It prints which agents paid how much to which origins, or the first line
that was altered, removed or added. It asks no treasury.

list asks a running treasury. export writes all receipts and the signed head from the folder.`,
  flags: FLAGS,
  positionals: 2,
  async run(given, terminal) {
    const [name, ...rest] = given.positionals;
    const verb = VERBS.get(name ?? "");
    if (verb === undefined)
      throw wrongVerb(name, [...VERBS.keys()], `sigil receipts ${[...VERBS.keys()].join("|")}`);
    return verb(given, rest, terminal);
  },
});
