/** What must be remembered: one port of small ones, and one contract suite for every store. */

import type { DirectiveLog } from "./directives.ts";
import type { Journal } from "./journal.ts";
import type { Ledger } from "./ledger.ts";
import type { NodeBook } from "./nodes.ts";
import type { Payments } from "./payments.ts";
import type { ReceiptBook } from "./receipts.ts";
import type { Vault } from "./vault.ts";

export interface Store
  extends Ledger,
    Payments,
    DirectiveLog,
    NodeBook,
    ReceiptBook,
    Journal,
    Vault {
  /** Ends what is under way, then lets go of the file or the connection. */
  close(): Promise<void>;
}
