/** Writes down what was sold, and tells the owner of it. spec/5-ledger.md §9. */
import { msat } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { Lru } from "../internal/lru.ts";
import type { Authority, Verified } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { NumberedSale, SaleRecord, SalesBook } from "../ports/sales.ts";
import { SoldMarks } from "./sold-mark.ts";

/** A sale, as the owner sees it. `paymentHash` is its id. */
export type Sale = NumberedSale;

/**
 * Called once a sale is durable, one call after the other. No request waits for it, and none fails
 * with it. Each sale is told at least once: again after a call that failed or was not finished when
 * the process died, so a receiver that must act once knows a sale by its `paymentHash`.
 */
export type OnSale = (sale: Sale) => void | Promise<void>;

/** Where a credential was presented. */
export type Presentation = Pick<SaleRecord, "route" | "method" | "path">;

interface SoldOptions {
  readonly book: Partial<SalesBook>;
  readonly authority: Authority;
  readonly clock: Clock;
  readonly onSale: OnSale | undefined;
  readonly alarm: (what: string, cause: unknown) => void;
}

/** How many payments are known to be written down, or not to be sales. */
const KNOWN = 16_384;
const PAGE = 100;
/** How long after a failed call of the hook what was not told is told again. */
const AGAIN_SECONDS = 60;
/** A path is for people; the credential says what was sold. */
const MAX_PATH_CHARACTERS = 512;

export class Sold {
  readonly marks: SoldMarks;
  readonly #options: SoldOptions;
  readonly #seen = new WeakSet<Verified>();
  readonly #isSold = new WeakMap<Pick<Verified, "credential">, boolean>();
  readonly #known = new Lru<string, true>(KNOWN);
  readonly #awaited = new WeakMap<Verified, Promise<void>>();
  readonly #writing = new Map<string, Promise<void>>();
  #telling: Promise<void> | undefined;
  /** A sale was written while others were told. */
  #isMore = false;
  /** The number of the last sale that was told, or that could not be. */
  #told = 0;
  #beganAt = Number.NEGATIVE_INFINITY;

  constructor(options: SoldOptions) {
    this.#options = options;
    this.marks = new SoldMarks(() => options.authority.derivedKeys("sales"));
  }

  /** Whether a proven credential was sold. It is asked of each request, and read once. */
  isSold(verified: Pick<Verified, "credential">): boolean {
    let isSold = this.#isSold.get(verified);
    if (isSold === undefined) {
      isSold = this.marks.read(verified.credential.body.rootId) !== undefined;
      this.#isSold.set(verified, isSold);
    }
    return isSold;
  }

  /**
   * Writes down the sale of a proven credential, if it is one and is not known. Returns at once:
   * see {@link written}.
   */
  see(verified: Verified, where: () => Presentation): void {
    if (this.#seen.has(verified)) return;
    this.#seen.add(verified);
    // An issuer that is trusted may give its own credential the payment hash of a sale.
    if (verified.credential.body.issuer !== undefined) return;
    const { paymentHash } = verified;
    const { book, clock } = this.#options;
    if (book.sell === undefined || this.#known.get(paymentHash)) return;
    const running = this.#writing.get(paymentHash);
    if (running !== undefined) {
      this.#await(verified, running);
      return;
    }
    const sold = this.marks.read(verified.credential.body.rootId);
    const at = clock();
    // What has ended may have been summed up already, and would be a second sale.
    if (sold === undefined || sold.endsAt <= at) {
      this.#known.set(paymentHash, true);
      return;
    }
    const { route, method, path } = where();
    const sale: SaleRecord = {
      paymentHash,
      nodeId: verified.nodes[0]!.id,
      amount: msat(sold.amountMsat),
      ...{ route, method, path: path.slice(0, MAX_PATH_CHARACTERS) },
      ...{ at, endsAt: sold.endsAt },
    };
    const writing = this.#write(book.sell.bind(book), sale).finally(() => {
      this.#writing.delete(paymentHash);
    });
    writing.catch((cause: unknown) =>
      this.#options.alarm("l8nt: a sale was not written down", cause),
    );
    this.#writing.set(paymentHash, writing);
    this.#await(verified, writing);
  }

  /** A write that has failed stays the answer until the credential is seen again. */
  #await(verified: Verified, writing: Promise<void>): void {
    this.#awaited.set(verified, writing);
    writing.then(
      () => this.#awaited.delete(verified),
      () => this.#seen.delete(verified),
    );
  }

  /**
   * The sale of a credential that was seen, while it is being written and if that failed; undefined
   * if there is nothing to wait for.
   *
   * @throws AdapterError `ERR_STORE`
   */
  written(verified: Verified): Promise<void> | undefined {
    return this.#awaited.get(verified);
  }

  async #write(sell: SalesBook["sell"], sale: SaleRecord): Promise<void> {
    const { onSale } = this.#options;
    const isNew = await sell(sale, onSale !== undefined).catch((cause: unknown) => {
      throw new AdapterError(
        "ERR_STORE",
        "The sale could not be written down just now, so nothing was served. Try again later.",
        { cause },
      );
    });
    this.#known.set(sale.paymentHash, true);
    if (isNew) this.tell();
  }

  /** Tells the owner of what is not told yet. Returns at once. */
  tell(): void {
    if (this.#options.onSale === undefined || this.#options.book.untoldSales === undefined) return;
    this.#isMore = true;
    this.#telling ??= this.#tellAll();
  }

  /** Resolves when nobody is being told. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#writing.values());
    await this.#telling;
  }

  async #tellAll(): Promise<void> {
    const { alarm } = this.#options;
    while (this.#isMore) {
      this.#isMore = false;
      try {
        await this.#tellNew();
      } catch (cause) {
        alarm("l8nt: the sales that onSale waits for could not be read", cause);
      }
    }
    // In the turn of the last look, so that no sale comes in between.
    this.#telling = undefined;
  }

  async #tellNew(): Promise<void> {
    const { book, clock } = this.#options;
    const now = clock();
    // From the first on again, for calls that failed, and for what other processes left.
    if (Math.abs(now - this.#beganAt) >= AGAIN_SECONDS) {
      this.#beganAt = now;
      this.#told = 0;
    }
    for (;;) {
      const sales = await book.untoldSales!(this.#told, PAGE);
      const told: number[] = [];
      for (const sale of sales) {
        if (await this.#tellOne(sale)) told.push(sale.seq);
        this.#told = sale.seq;
      }
      if (told.length > 0) await book.saleTold!(told);
      if (sales.length < PAGE) return;
    }
  }

  async #tellOne(sale: Sale): Promise<boolean> {
    const { onSale, alarm } = this.#options;
    try {
      await onSale!(sale);
      return true;
    } catch (cause) {
      alarm(`l8nt: onSale failed for the sale ${sale.paymentHash}; it is told again`, cause);
      return false;
    }
  }
}
