/** Compares the books with the wallet. spec/4-purchase.md §8. */
import { type Amount, msat } from "../amount.ts";
import { PaymentError } from "../errors.ts";
import { type Clock, MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";
import type { UnexplainedPayment } from "../ports/owner.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { Payer, PaymentOutcome } from "../ports/wallet.ts";
import type { Alarm } from "./alarm.ts";
import type { Explanations } from "./explanations.ts";
import type { SpendingGate } from "./gate.ts";
import { givenUp, removeGivenUp } from "./given-up.ts";
import type { PaymentLookup } from "./payment-lookup.ts";
import type { RestoredBooks } from "./restored-books.ts";
import type { Settler } from "./settler.ts";
import { forgetTurned } from "./turned-back.ts";
import { type ListedRow, ListedSums, readRow, type Sum, totalOf } from "./wallet-list.ts";

export interface ReconcilerOptions {
  readonly store: Store;
  readonly lookup: PaymentLookup;
  readonly settler: Settler;
  readonly explanations: Explanations;
  readonly wallet: () => Promise<Payer>;
  readonly clock: Clock;
  readonly gate: SpendingGate;
  readonly alarm: Alarm;
  readonly restored: RestoredBooks;
}

/**
 * What the wallet's list showed. `unreached`: the wallet did not answer at all. `unlisted`: it
 * answers, and cannot list its payments.
 */
export type Comparison = "compared" | "unreached" | "unlisted";

/**
 * How far a list reaches back before the last comparison: at a start, every hour, and otherwise. A
 * payment is listed by the time at which it was begun, and may have ended only now; and the clocks
 * of the treasury and of the wallet may each have been ten minutes off, in either direction.
 */
const OVERLAP_SECONDS = {
  start: 86_400,
  hourly: 7200,
  usual: 3 * MAX_CLOCK_SKEW_SECONDS,
} as const;
const HOUR_SECONDS = 3600;
/** How far the clocks may have been apart when the books were made. */
const SKEW_SECONDS = 3 * MAX_CLOCK_SKEW_SECONDS;
/** What a wallet that pays whole satoshis may add to an amount and to a fee. */
const ROUNDING_MSAT = 2000n;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** Unix seconds at which the books were made. No older payment of the wallet is theirs. */
  #madeAt = 0;
  #areNew = false;
  #deepAt: number | undefined;
  /** Unix seconds from which the list is read at the latest, once. */
  #lookBackTo = Number.POSITIVE_INFINITY;
  #running: Promise<{ readonly stillOpen: number }> | undefined;
  readonly #listed: ListedSums;
  #last: Comparison = "unreached";
  #isUnlistedSaid = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#listed = new ListedSums(options.store);
  }

  /**
   * @param madeAt Unix seconds at which the books were made
   * @param areNew whether that was at this start
   */
  lookFrom(madeAt: number, areNew: boolean): void {
    this.#madeAt = madeAt;
    this.#areNew = areNew;
  }

  /**
   * The clock was turned back by that much: what the wallet paid since it had been set ahead was
   * not looked for.
   */
  turnBack(at: number, bySeconds: number): void {
    this.#madeAt = Math.min(this.#madeAt, at);
    this.#lookBackTo = at - bySeconds;
    this.#deepAt = undefined;
  }

  /** What the last look at the wallet's list showed. */
  get last(): Comparison {
    return this.#last;
  }

  /** Compares once in the life of this process, so that nothing is paid before. */
  async compareOnce(): Promise<void> {
    if (this.#last === "unreached") await this.reconcile();
  }

  /**
   * Asks the wallet about every payment whose outcome is unknown, and compares what else it paid
   * with the books. If the books are certain afterwards, spending may go on.
   *
   * @throws AdapterError `ERR_STORE`; spending has stopped until a comparison ends
   */
  reconcile(): Promise<{ readonly stillOpen: number }> {
    this.#running ??= this.#reconcile()
      .catch((error: unknown) => {
        // What it did not get to may be missing in the books.
        this.#last = "unreached";
        this.#options.gate.doubt("the books could not be compared with the wallet");
        throw error;
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #reconcile(): Promise<{ readonly stillOpen: number }> {
    const { store, lookup, gate, restored } = this.#options;
    const { doubts } = gate;
    for (const record of await store.openPayments())
      await lookup.follow(record).catch(ignorePaymentError);
    this.#last = await this.#compare();
    if (this.#last === "compared") await restored.compared();
    restored.touch();
    const stillOpen = (await store.openPayments()).length;
    gate.trust(doubts);
    return { stillOpen };
  }

  async #compare(): Promise<Comparison> {
    const { store, clock, explanations } = this.#options;
    const payer = await this.#options.wallet().catch(() => undefined);
    if (payer === undefined) {
      // Somebody may pay from it before it is reached.
      this.#areNew = false;
      return "unreached";
    }
    const identity = await payer.identity?.().catch(() => undefined);
    for (const hash of new Set([...(await givenUp(store)), ...explanations.unsettled]))
      await this.#lookAgain(payer, hash, identity);
    const name = `compared ${identity ?? ""}`.trim();
    const began = clock();
    const lookBackTo = this.#lookBackTo;
    // By a clock that was ahead then, it may be later than now.
    const comparedTo = Math.min(Number((await store.fact(name)) ?? 0), began, lookBackTo);
    const overlap = this.#overlap(began);
    const from = Math.floor(Math.max(this.#madeAt - SKEW_SECONDS, comparedTo - overlap));
    const paid = await this.#rowsSince(payer, from, began);
    if (paid === undefined) {
      if (payer.paidSince === undefined) await this.#lookedBack(lookBackTo);
      return this.#unlisted();
    }
    const older = await this.#olderThanBooks(paid, identity);
    // A wallet may give a second more than it was asked for.
    const rows = paid.filter(({ at, paymentHash }) => at >= from && !older.has(paymentHash));
    for (const [paymentHash, same] of byHash(rows))
      await this.#compareOne(payer, paymentHash, same, identity);
    if (overlap !== OVERLAP_SECONDS.usual) this.#deepAt = began;
    await store.setFact(name, String(began));
    await this.#lookedBack(lookBackTo);
    return "compared";
  }

  /** The wallet was asked from there on, or cannot be asked. */
  async #lookedBack(to: number): Promise<void> {
    if (to === Number.POSITIVE_INFINITY || this.#lookBackTo !== to) return;
    this.#lookBackTo = Number.POSITIVE_INFINITY;
    await forgetTurned(this.#options.store);
  }

  /** Undefined if the wallet cannot list its payments now. */
  async #rowsSince(
    payer: Payer,
    from: number,
    now: number,
  ): Promise<readonly ListedRow[] | undefined> {
    try {
      const rows: unknown = await payer.paidSince?.(from);
      return Array.isArray(rows) ? rows.map((row) => readRow(row, now)) : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * Payments that the wallet made before there were books, remembered at the first comparison. If
   * the books were made just now, these are all that it lists, whatever the clocks say.
   */
  async #olderThanBooks(
    paid: readonly ListedRow[],
    identity: string | undefined,
  ): Promise<ReadonlySet<string>> {
    const { store } = this.#options;
    const areNew = this.#areNew;
    this.#areNew = false;
    const found = paid
      .filter(({ at }) => areNew || at < Math.floor(this.#madeAt) - MAX_CLOCK_SKEW_SECONDS)
      .map(({ paymentHash }) => paymentHash);
    const kept = await store.firstFact(
      `older than the books ${identity ?? ""}`.trim(),
      JSON.stringify(found),
    );
    return new Set(JSON.parse(kept) as string[]);
  }

  /** Its list may not reach back to a payment that was begun long ago. [case 58] */
  async #lookAgain(payer: Payer, paymentHash: string, identity: string | undefined): Promise<void> {
    const { store, gate } = this.#options;
    const record = await store.payment(paymentHash);
    // What the owner said of it is final, and an amount must not be counted a second time.
    if (record?.status !== "failed" || gate.unexplained.isExplained(paymentHash))
      return removeGivenUp(store, paymentHash);
    const outcome = await payer.find(paymentHash).catch(() => undefined);
    if (outcome?.status === "paid") await this.#settleLate(record, outcome);
    const isCertain = outcome?.status === "failed" || outcome?.status === "never-sent";
    if (isCertain && identity === record.wallet) await removeGivenUp(store, paymentHash);
  }

  #overlap(now: number): number {
    if (this.#deepAt === undefined) return OVERLAP_SECONDS.start;
    return now - this.#deepAt >= HOUR_SECONDS ? OVERLAP_SECONDS.hourly : OVERLAP_SECONDS.usual;
  }

  #unlisted(): Comparison {
    this.#areNew = false;
    if (!this.#isUnlistedSaid)
      this.#options.alarm(
        "the wallet does not list its payments, so a payment that is in no book goes unseen, and books that were restored from a backup are not noticed by their payments",
      );
    this.#isUnlistedSaid = true;
    return "unlisted";
  }

  /** @param rows what one list of the wallet has for one hash */
  async #compareOne(
    payer: Payer,
    paymentHash: string,
    rows: readonly ListedRow[],
    wallet: string | undefined,
  ): Promise<void> {
    const { store, explanations } = this.#options;
    if (explanations.knows(paymentHash)) return;
    const [first] = rows;
    if (first?.unreadable !== undefined) return this.#unreadable(first, wallet);
    const sum = await this.#listed.add(paymentHash, rows);
    if (sum === undefined) return;
    let record = await store.payment(paymentHash);
    if (record?.status === "failed") {
      const outcome = await payer.find(paymentHash).catch(() => undefined);
      if (outcome?.status === "paid") record = await this.#settleLate(record, outcome);
    }
    // It is looked up by itself, and compared afterwards.
    if (record?.status === "open") return;
    const why = whyOf(record, totalOf(sum));
    if (why === undefined) return this.#listed.matched(paymentHash, sum);
    const at = Math.max(...rows.map((row) => row.at));
    await this.#report(record, { paymentHash, why, at }, sum, wallet);
  }

  async #unreadable(
    { paymentHash, at, unreadable, ...sum }: ListedRow,
    wallet: string | undefined,
  ): Promise<void> {
    const { of, row } = unreadable!;
    const record = of === undefined ? undefined : await this.#options.store.payment(of);
    await this.#report(record, { paymentHash, why: "unreadable", at, row }, sum, wallet);
  }

  async #report(
    record: PaymentRecord | undefined,
    found: Pick<UnexplainedPayment, "paymentHash" | "why" | "at" | "row">,
    sum: Sum,
    wallet: string | undefined,
  ): Promise<void> {
    const left = found.why === "late" ? 0n : totalOf(sum) - bookedMsat(record);
    await this.#options.explanations.report({
      ...found,
      amount: msat(sum.amountMsat),
      fee: msat(sum.feeMsat),
      unbooked: msat(left > 0n ? left : 0n),
      ...(wallet !== undefined && { wallet }),
    });
  }

  /** The wallet made a payment that had failed: its amount and its preimage go into the books. */
  async #settleLate(record: PaymentRecord, outcome: PaymentOutcome): Promise<PaymentRecord> {
    const { store, settler } = this.#options;
    await settler.settle(record, outcome).catch(ignorePaymentError);
    return (await store.payment(record.paymentHash)) ?? record;
  }
}

function whyOf(
  record: PaymentRecord | undefined,
  totalMsat: bigint,
): UnexplainedPayment["why"] | undefined {
  if (record === undefined) return "missing";
  if (record.status === "failed") return "failed";
  if (record.order === `late ${record.paymentHash}`) return "late";
  return totalMsat > bookedMsat(record) + ROUNDING_MSAT ? "more" : undefined;
}

function byHash(rows: readonly ListedRow[]): ReadonlyMap<string, readonly ListedRow[]> {
  const found = new Map<string, ListedRow[]>();
  for (const row of rows) {
    const same = found.get(row.paymentHash);
    if (same === undefined) found.set(row.paymentHash, [row]);
    else same.push(row);
  }
  return found;
}

/** What the books count for a payment that was made. */
function bookedMsat(record: PaymentRecord | undefined): bigint {
  if (record === undefined || record.status === "failed") return 0n;
  const inMsat = (amount: Amount | undefined) => (amount?.unit === "msat" ? amount.value : 0n);
  return inMsat(record.amount) + inMsat(record.fee);
}

function ignorePaymentError(error: unknown): void {
  if (!(error instanceof PaymentError)) throw error;
}
