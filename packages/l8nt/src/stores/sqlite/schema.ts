/**
 * The tables, as numbered steps from an empty file to what is used now. A step that was released is
 * never edited.
 */

import { FOLDING } from "./folding.ts";
import { HAND_OVERS } from "./hand-overs.ts";
import { SALES } from "./sales.ts";

export interface Migration {
  /** One statement each. */
  readonly statements: readonly string[];
  /**
   * The objects that exist once the step is complete. They tell a complete migration from an
   * interrupted one.
   */
  readonly objects: readonly string[];
}

const appendOnly = (table: string): readonly string[] =>
  ["UPDATE", "DELETE"].map(
    (verb) => `CREATE TRIGGER ${table}_no_${verb.toLowerCase()} BEFORE ${verb} ON ${table}
       BEGIN SELECT RAISE(ABORT, '${table} is append-only'); END`,
  );

export const MIGRATIONS: readonly Migration[] = [
  {
    statements: [
      `CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), latest REAL NOT NULL) STRICT`,
      `INSERT INTO meta VALUES (1, 0)`,
      // "epoch" is raised by each process that opens the books to write.
      `CREATE TABLE books (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL) STRICT`,
      `INSERT INTO books VALUES (1, 0)`,
      `CREATE TABLE counters (
         id TEXT PRIMARY KEY, committed INTEGER NOT NULL, reserved INTEGER NOT NULL, slots TEXT NOT NULL
       ) STRICT, WITHOUT ROWID`,
      // What was reserved is in the journal, in the entry of that number.
      `CREATE TABLE reservations (
         seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, entry INTEGER NOT NULL,
         outcome TEXT CHECK (outcome IN ('committed', 'released')), unit TEXT, value INTEGER, uses INTEGER
       ) STRICT`,
      // What changes. A payment that failed is no order's.
      `CREATE TABLE payments (
         seq INTEGER PRIMARY KEY AUTOINCREMENT, payment_hash BLOB NOT NULL UNIQUE, intent TEXT NOT NULL,
         order_key TEXT, node_id TEXT NOT NULL,
         origin TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, any_path INTEGER NOT NULL,
         status TEXT NOT NULL CHECK (status IN ('open', 'paid', 'used', 'failed', 'undelivered')),
         preimage TEXT, fee INTEGER, settled_at REAL, delivered INTEGER NOT NULL,
         settled INTEGER, receipted INTEGER NOT NULL DEFAULT 0,
         closed_to TEXT, closed_until REAL,
         CHECK ((order_key IS NULL) = (status = 'failed'))
       ) STRICT`,
      // What never changes, written once: a change of the row beside it does not write this again.
      `CREATE TABLE payment_bodies (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT`,
      `CREATE TABLE payment_nodes (
         node_id TEXT NOT NULL, payment INTEGER NOT NULL, PRIMARY KEY (node_id, payment)
       ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE payees (
         seq INTEGER PRIMARY KEY AUTOINCREMENT, origin TEXT NOT NULL, payee TEXT NOT NULL, UNIQUE (origin, payee)
       ) STRICT`,
      `CREATE TABLE directives (
         seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, node_id TEXT NOT NULL, ends_at REAL, at REAL NOT NULL,
         reason TEXT, above TEXT, by_node TEXT, payment TEXT
       ) STRICT`,
      // "path" holds ids with a space between them. "unlisted" is not in the body.
      `CREATE TABLE nodes (
         id TEXT PRIMARY KEY, depth INTEGER NOT NULL, met_at REAL NOT NULL, path TEXT NOT NULL,
         ends_at REAL, unlisted INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL
       ) STRICT`,
      `CREATE TABLE node_paths (
         ancestor TEXT NOT NULL, depth INTEGER NOT NULL, met_at REAL NOT NULL, id TEXT NOT NULL,
         PRIMARY KEY (ancestor, depth, met_at, id)
       ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE receipts (
         seq INTEGER PRIMARY KEY, payment INTEGER NOT NULL UNIQUE, hash TEXT NOT NULL, text TEXT NOT NULL
       ) STRICT`,
      `CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, event TEXT NOT NULL) STRICT`,
      `CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID`,
      `CREATE TABLE vault (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID`,
    ],
    objects: [
      "meta",
      "books",
      "counters",
      "reservations",
      "payments",
      "payment_bodies",
      "payment_nodes",
      "payees",
      "directives",
      "nodes",
      "node_paths",
      "receipts",
      "journal",
      "facts",
      "vault",
    ],
  },
  {
    statements: [
      // The database enforces this too, for every program that writes to it. [case 63]
      `CREATE UNIQUE INDEX payments_open ON payments (intent) WHERE status = 'open'`,
      `CREATE UNIQUE INDEX payments_ordered ON payments (order_key)`,
      `CREATE INDEX payments_usable ON payments (node_id, origin, method, path, seq)
       WHERE status = 'paid' AND any_path = 0`,
      `CREATE INDEX payments_usable_anywhere ON payments (node_id, origin, seq)
       WHERE status = 'paid' AND any_path = 1`,
      `CREATE INDEX payments_closed ON payments (origin, closed_until) WHERE closed_to IS NOT NULL`,
      `CREATE INDEX payments_unreceipted ON payments (settled) WHERE receipted = 0 AND settled IS NOT NULL`,
      `CREATE INDEX nodes_order ON nodes (depth, met_at, id)`,
      `CREATE INDEX reservations_open ON reservations (entry) WHERE outcome IS NULL`,
      ...appendOnly("journal"),
      ...appendOnly("receipts"),
      ...appendOnly("directives"),
    ],
    objects: [
      "payments_open",
      "payments_ordered",
      "payments_usable",
      "payments_usable_anywhere",
      "payments_closed",
      "payments_unreceipted",
      "nodes_order",
      "reservations_open",
      ...["journal", "receipts", "directives"].flatMap((table) => [
        `${table}_no_update`,
        `${table}_no_delete`,
      ]),
    ],
  },
  HAND_OVERS,
  FOLDING,
  {
    // A top-up, as JSON.
    statements: [
      `ALTER TABLE directives ADD COLUMN top_up TEXT`,
      `CREATE INDEX directives_top_ups ON directives (node_id) WHERE top_up IS NOT NULL`,
    ],
    objects: ["directives_top_ups"],
  },
  SALES,
];
