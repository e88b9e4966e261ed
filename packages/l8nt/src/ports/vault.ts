/**
 * Small secrets of a treasury, kept beside its books, so that every process on one database has the
 * same. Always wrapped.
 */

export interface Vault {
  wrapped(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Keeps it where there is none of that name: whether there was none. */
  keepWrapped(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean>;
}
