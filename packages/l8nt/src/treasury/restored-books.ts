/**
 * Stops spending on books that were restored from a backup, until they were compared with the
 * wallet, and on books that were copied, until the owner confirms them. spec/4-purchase.md §8.
 */
import { AdapterError } from "../errors.ts";
import type { BooksMark, BooksWitness, ReceiptsEnd } from "../ports/books-mark.ts";
import type { Clock } from "../ports/clock.ts";
import { BOOKS_FILE } from "../ports/facts.ts";
import type { Store } from "../ports/store.ts";
import { earlierReceipts, keepEarlier } from "../receipt/earlier.ts";
import { NO_RECEIPT } from "../receipt/receipt.ts";
import type { Alarm } from "./alarm.ts";
import type { SpendingGate } from "./gate.ts";
import type { ReceiptMaker } from "./receipt-maker.ts";

export interface RestoredBooksOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly gate: SpendingGate;
  readonly receipts: ReceiptMaker;
  readonly alarm: Alarm;
  readonly witness: BooksWitness | undefined;
}

/** The fact that the books wait for a comparison with the wallet: "yes", or "no" after it. */
const RESTORED = "restored";

const WHY =
  "the books were restored from a backup. They are compared with the wallet; if the wallet cannot list its payments, the owner has to confirm that nothing was paid since";

/** A comparison at the start finds nothing: two books on one wallet differ only later. */
const COPIED =
  "the books are in another file than before, so they may be a copy of books that are still in use. The owner has to confirm that no treasury runs on the other file";

export class RestoredBooks {
  readonly #options: RestoredBooksOptions;
  #isCopied = false;
  #isChecked = false;
  #isDirty = false;
  #isOver = false;
  #kept: Promise<void> = Promise.resolve();
  #writing: Promise<void> | undefined;
  #written = "";
  #isFailing = false;

  constructor(options: RestoredBooksOptions) {
    this.#options = options;
  }

  /**
   * Compares the books with the mark outside of them, at the start.
   *
   * @throws AdapterError `ERR_STORE`
   */
  async check(): Promise<void> {
    const { store, clock, gate, witness } = this.#options;
    const mark = await witness?.read();
    if (mark !== undefined && (mark.restored || (await this.#isBehind(mark)))) {
      await keepEarlier(store, [...mark.earlier, mark.receipts]);
      await store.setFact(RESTORED, "yes");
      await store.note(
        `the books are older than the mark beside the treasury's key: a backup was restored, and what was written up to ${new Date(mark.latest * 1000).toISOString()} is lost`,
        clock(),
      );
    }
    if ((await store.fact(RESTORED)) === "yes") gate.hold(WHY);
    this.#isCopied = await this.#isElsewhere(mark);
    if (this.#isCopied) gate.hold(COPIED);
    this.#isChecked = true;
  }

  /** Whether the books are in another file than at the last start. */
  async #isElsewhere(mark: BooksMark | undefined): Promise<boolean> {
    const { store } = this.#options;
    if (store.file === undefined) return false;
    const before = (await store.fact(BOOKS_FILE)) ?? mark?.file ?? store.file;
    if (before !== store.file) return true;
    await store.firstFact(BOOKS_FILE, store.file);
    return false;
  }

  async #isBehind({ latest, receipts: { count, last } }: BooksMark): Promise<boolean> {
    const { store } = this.#options;
    if ((await store.latest()) < latest) return true;
    if (count === 0) return false;
    const [receipt] = await store.receipts(count - 1, 1);
    return receipt?.hash !== last;
  }

  /** Call it after the wallet's list was compared: what cannot be explained stops spending now. */
  async compared(): Promise<void> {
    if (!this.#options.gate.isHeld || this.#isCopied) return;
    await this.#end("the restored books were compared with the wallet");
  }

  /**
   * Takes the owner's word that nothing was paid since the backup, or that no treasury runs on the
   * file that the books were in before.
   *
   * @throws AdapterError `ERR_REQUEST` if the books do not wait for it
   */
  async confirm(reason: string): Promise<void> {
    if (!this.#options.gate.isHeld)
      throw new AdapterError(
        "ERR_REQUEST",
        "The books were not restored from a backup or copied, or were compared since, so there is nothing to confirm.",
      );
    const { store } = this.#options;
    if (!this.#isCopied)
      return this.#end(`override: nothing was paid since the backup that was restored: ${reason}`);
    await store.setFact(BOOKS_FILE, store.file!);
    this.#isCopied = false;
    await this.#end(`override: no treasury runs on the file of the books before: ${reason}`);
  }

  async #end(what: string): Promise<void> {
    const { store, clock, gate } = this.#options;
    await store.note(what, clock());
    await store.setFact(RESTORED, "no");
    gate.release();
    await this.keep();
  }

  /** Moves the mark on to what the books hold now, and again once no receipt is missing. */
  touch(): void {
    if (this.#options.witness === undefined || this.#isOver) return;
    this.#isDirty = true;
    this.#writing ??= this.#follow().finally(() => {
      this.#writing = undefined;
    });
  }

  async #follow(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false;
      await this.keep();
      await this.#options.receipts.make().catch(() => {});
      if (this.#isOver) return;
      await this.keep();
    }
  }

  /** Moves the mark on once more. Nothing that is under way moves it afterwards. */
  stop(): Promise<void> {
    this.#isOver = true;
    return this.keep();
  }

  /** Moves the mark on. The mark of books that wait for a comparison stays. */
  keep(): Promise<void> {
    this.#kept = this.#kept.then(() => this.#keep());
    return this.#kept;
  }

  async #keep(): Promise<void> {
    const { store, gate, witness, alarm } = this.#options;
    if (witness === undefined || !this.#isChecked || gate.isHeld) return;
    try {
      const latest = await store.latest();
      const receipt = await store.lastReceipt();
      const receipts: ReceiptsEnd = {
        count: receipt?.seq ?? 0,
        last: receipt?.hash ?? NO_RECEIPT,
      };
      const { file } = store;
      const mark: BooksMark = {
        ...{ latest, receipts, earlier: await earlierReceipts(store) },
        ...(file !== undefined && { file }),
      };
      const text = JSON.stringify(mark);
      if (text === this.#written) return;
      await witness.write(mark);
      this.#written = text;
      this.#isFailing = false;
    } catch {
      if (!this.#isFailing)
        alarm(
          "how far the books have come could not be written down beside the key, so a backup that is restored may go unnoticed",
        );
      this.#isFailing = true;
    }
  }
}
