/** `sigil receipts list` and `sigil receipts export`. */
import { formatAmount } from "l8nt/invoice";
import { exportReceipts, ReceiptSigner, withEarlier } from "l8nt/receipts";
import { type AmountJson, readAmountJson, withFee } from "../amounts.ts";
import type { Arguments } from "../arguments.ts";
import { countOf } from "../count.ts";
import { EXIT } from "../exit.ts";
import { row } from "../rows.ts";
import { printable } from "../secrecy.ts";
import type { Terminal } from "../terminal.ts";
import { existingFolder } from "../treasury/folder.ts";
import { type OWNER_FLAGS, ownerClient } from "../treasury/owner-client.ts";
import { openSecrets, readKey } from "../treasury/secrets.ts";
import { folderFlag, keyText } from "../treasury/start.ts";
import { openStore } from "../treasury/store.ts";
import { fileWitness } from "../treasury/witness.ts";
import { dateText } from "../words.ts";

type ShowFlag = "after" | "key-file" | keyof typeof OWNER_FLAGS;

/** The members of a receipt that the list shows. */
interface Shown {
  readonly settledAt: number;
  readonly amount: AmountJson;
  readonly fee: AmountJson;
  readonly lineage: readonly string[];
  readonly method: string;
  readonly origin: string;
}

/** Lists receipts of a running treasury, and returns the exit code. */
export async function listReceipts(
  given: Arguments<ShowFlag>,
  _rest: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const receipts = await ownerClient(given, terminal).receipts(countOf(given, "after"));
  const lines = receipts.map(({ seq, text }) => {
    const { settledAt, amount, fee, lineage, method, origin } = JSON.parse(text) as Shown;
    const total = withFee(readAmountJson(amount), readAmountJson(fee));
    return row(
      [
        `${seq}`,
        dateText(settledAt),
        formatAmount(total).padStart(14),
        printable(`${method} ${origin}`),
        printable(lineage.join(" > ") || "the root"),
      ],
      terminal.columns,
    );
  });
  terminal.answer(lines.length === 0 ? "None.\n" : `${lines.join("\n")}\n`, {
    receipts: receipts.map(({ text }) => JSON.parse(text) as object),
  });
  return EXIT.ok;
}

/** Writes all receipts and a signed head from the treasury's folder; needs the treasury's key. */
export async function exportAll(
  given: Arguments<ShowFlag>,
  _rest: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const folder = existingFolder(folderFlag(given));
  const key = readKey(keyText(given, terminal, folder));
  const store = await openStore(folder, terminal, true);
  try {
    const signer = await ReceiptSigner.fromSeed((await openSecrets(store, key)).receipts);
    // The folder knows of receipts that older books in it lack.
    const mark = await fileWitness(folder.mark).read();
    const ends = mark === undefined ? [] : [...mark.earlier, mark.receipts];
    const earlier = await withEarlier(store, ends);
    for await (const line of exportReceipts(store, signer, () => Date.now() / 1000, { earlier }))
      terminal.stdout.write(`${line}\n`);
    terminal.note(
      `sigil: verify them with: sigil receipts verify FILE --public-key ${signer.publicKey}`,
    );
    return EXIT.ok;
  } finally {
    await store.close();
  }
}
