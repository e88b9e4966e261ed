/** `sigil receipts`: the signed receipts of what a treasury paid. A verb follows. */
import type { Arguments, Flag } from "../arguments.ts";
import { command } from "../command.ts";
import { UsageError } from "../exit.ts";
import { nearest } from "../nearest.ts";
import { exportAll, listReceipts } from "../receipts/show.ts";
import { verifyReceipts } from "../receipts/verify.ts";
import { plainName } from "../secrecy.ts";
import type { Terminal } from "../terminal.ts";
import { OWNER_FLAGS } from "../treasury/owner-client.ts";

const FLAGS = {
  "public-key": { value: "HEX", help: "verify: the treasury's receipt key, 64 hex digits" },
  after: { value: "N", help: "list: only those after this number" },
  "key-file": { value: "FILE", help: "export: the treasury's key, where it is not in the folder" },
  ...OWNER_FLAGS,
} as const satisfies Record<string, Flag>;

export type ReceiptFlag = keyof typeof FLAGS;

/** What a verb does with the arguments after it. Gives the exit code. */
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
  summary: "whether receipts of payments are genuine and complete",
  usage: "verify [FILE|-] --public-key HEX | list --dir DIR | export --dir DIR > FILE",
  help: `verify reads an export, from a file or from stdin: JSON Lines, a signed receipt a line, and last a signed head. It says
what was paid by whom and where, or names the first line that was altered, left out or put in. No treasury is asked.
list asks a running treasury. export writes all of them, and the signed head, from its folder.`,
  flags: FLAGS,
  positionals: 2,
  async run(given, terminal) {
    const [name, ...rest] = given.positionals;
    const verb = VERBS.get(name ?? "");
    if (verb === undefined) throw unknownVerb(name);
    return verb(given, rest, terminal);
  },
});

function unknownVerb(typed: string | undefined): UsageError {
  const names = [...VERBS.keys()];
  const usage = `What about the receipts? sigil receipts ${names.join("|")}.`;
  const plain = typed === undefined ? undefined : plainName(typed);
  const near = plain === undefined ? undefined : nearest(plain, names);
  return new UsageError(
    near === undefined ? usage : `There is no receipts ${plain}. Did you mean ${near}?`,
  );
}
