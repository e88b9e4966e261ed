/**
 * Facts about the books themselves, by name: when they were made, and up to when they were compared
 * with the wallet. spec/4-purchase.md §8.
 */

/** The fact that says which file the books live in, as `Store.file` names it. */
export const BOOKS_FILE = "file";

/** The fact of a treasury's books that says when they were made, in Unix seconds. */
export const MADE_AT = "made at";

export interface Facts {
  fact(name: string): Promise<string | undefined>;
  /** Keeps `value` if there is no fact of that name. Returns the one that is kept. */
  firstFact(name: string, value: string): Promise<string>;
  /** Replaces the fact. Durable when the promise resolves. */
  setFact(name: string, value: string): Promise<void>;
  /**
   * Removes the facts whose names begin with `prefix` and whose values are whole numbers below
   * `below`. A fact that is replaced meanwhile by a larger one stays. Absent if the store is not
   * shared: nothing adds such facts there.
   */
  dropFacts?(prefix: string, below: number): Promise<void>;
}
