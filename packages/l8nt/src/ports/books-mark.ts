/**
 * How far the books had come, kept outside of them, so that a backup that is put in their place is
 * noticed. spec/4-purchase.md §8.
 */

/** The end of a chain of receipts. */
export interface ReceiptsEnd {
  readonly count: number;
  /** The hash of the last one: 64 hex. */
  readonly last: string;
}

export interface BooksMark {
  /** The latest time that the books had written, Unix seconds. */
  readonly latest: number;
  readonly receipts: ReceiptsEnd;
  /** Of histories that a restored backup ended. */
  readonly earlier: readonly (ReceiptsEnd & { readonly kept: number })[];
  /** The file that the books were in, as `Store.file` names it. */
  readonly file?: string;
  /** A backup was put in place, and no treasury has started on it yet. */
  readonly restored?: true;
}

export interface BooksWitness {
  /** The last mark that was written; undefined if there was none. */
  read(): Promise<BooksMark | undefined>;
  /** Durable when the promise resolves. */
  write(mark: BooksMark): Promise<void>;
}
