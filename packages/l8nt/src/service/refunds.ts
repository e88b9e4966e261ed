/** Giving back what a request has used, after its answer. spec/5-ledger.md §9. */
import { type Amount, type AmountText, parseAmount } from "../amount.ts";
import type { Ledger } from "../ports/ledger.ts";
import type { SalesBook } from "../ports/sales.ts";

type Books = Ledger & Partial<SalesBook>;

/** A use that was counted, or is being counted. */
export class Use {
  readonly #claim: string;
  readonly #until: number;
  readonly #books: Books;
  readonly #clock: () => number;

  /** @param until Unix seconds at which its credential has ended */
  constructor(claim: string, until: number, books: Books, clock: () => number) {
    this.#claim = claim;
    this.#until = until;
    this.#books = books;
    this.#clock = clock;
  }

  /** The id of the claim, and when its credential has ended. */
  get id(): string {
    return `${this.#claim}@${Math.ceil(this.#until)}`;
  }

  refund(given: AmountText | Amount | undefined): Promise<boolean> {
    return refund(this.#books, this.id, given, this.#clock());
  }
}

const USE = /^(use\.[\w.-]{1,200})@(\d{1,16})$/;

/** @throws TypeError for what is no id of a use, or no amount */
export async function refund(
  books: Books,
  useId: string,
  given: AmountText | Amount | undefined,
  at: number,
): Promise<boolean> {
  const [, id, until] = USE.exec(useId) ?? [];
  if (id === undefined) throw new TypeError("a refund names the `useId` of a grant");
  const amount = typeof given === "object" || given === undefined ? given : parseAmount(given);
  if (given !== undefined && amount === undefined)
    throw new TypeError('a refund is an amount with its unit, such as "3 sat" or "0.0042 usd"');
  if (books.refund === undefined)
    throw new TypeError("the paywall's store keeps no refunds: give it one of l8nt/stores");
  return books.refund({ id, amount, at, until: Number(until) });
}
