/** What must be remembered: one port of small ones, and one contract suite for every store. */

import type { DirectiveLog } from "./directives.ts";
import type { Facts } from "./facts.ts";
import type { HandOverBook } from "./hand-overs.ts";
import type { Journal } from "./journal.ts";
import type { Ledger } from "./ledger.ts";
import type { NodeBook } from "./nodes.ts";
import type { Payments } from "./payments.ts";
import type { ReceiptBook } from "./receipts.ts";
import type { SalesBook } from "./sales.ts";
import type { Vault } from "./vault.ts";

export interface Store
  extends Ledger,
    Payments,
    DirectiveLog,
    NodeBook,
    HandOverBook,
    ReceiptBook,
    Journal,
    Facts,
    Vault,
    SalesBook {
  /**
   * Which file the books are in, by a number that a move within its file system keeps and that a
   * copy does not have. Absent if they are in no file, or if its file system has no such number.
   */
  readonly file?: string;
  /**
   * Rejects once another process has taken the books over: nothing may be paid any more. Ask just
   * before a payment leaves. Absent if the store is shared, or cannot be taken over.
   *
   * @throws AdapterError `ERR_STORE`
   */
  held?(): Promise<void>;
  /**
   * The time of the database, in Unix seconds, by which all processes on it count windows. Absent
   * if the store is not shared.
   *
   * @throws AdapterError `ERR_STORE`
   */
  now?(): Promise<number>;
  /** Ends what is under way, then lets go of the file or the connection. */
  close(): Promise<void>;
}
