/**
 * Finds payments by what an order asks for. What was found, and that nothing was, is kept until a
 * payment changes it: most orders find nothing, and each asks twice.
 */
import { Lru } from "../../internal/lru.ts";
import { MAX_PURCHASES, type PaymentRecord, type PurchaseQuery } from "../../ports/payments.ts";
import { hashIn } from "./rows.ts";
import type { Statements } from "./statements.ts";

const KEPT = 10_000;
const KEPT_PATHS = 64;

/** What a node bought at an origin. */
interface Place {
  readonly isEmpty: boolean;
  /** By method and path: payment hashes. */
  readonly paths: Map<string, readonly string[]>;
}

export class PaymentIndex {
  readonly #sql: Statements;
  /** By order: its payment's hash; `null` if it has none. */
  readonly #orders = new Lru<string, string | null>(KEPT);
  /** Whether there is a payment of any order whose name begins so. */
  readonly #owners = new Lru<string, boolean>(KEPT);
  readonly #places = new Lru<string, Place>(KEPT);

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  /** The hash of an order's payment. */
  ordered(order: string): string | undefined {
    const kept = this.#orders.get(order);
    if (kept !== undefined) return kept ?? undefined;
    const owner = ownerOf(order);
    if (owner !== undefined && !this.#hasOrders(owner)) return undefined;
    const row = this.#sql.get("SELECT payment_hash FROM payments WHERE order_key = ?", order);
    const hash = row === undefined ? null : hashIn(row);
    this.#orders.set(order, hash);
    return hash ?? undefined;
  }

  #hasOrders(owner: string): boolean {
    let has = this.#owners.get(owner);
    if (has === undefined) {
      const from = "SELECT 1 FROM payments WHERE order_key >= ? AND order_key < ? LIMIT 1";
      // The next character after the one that ends the owner's name.
      has = this.#sql.get(from, owner, owner.replace(/ $/, "!")) !== undefined;
      this.#owners.set(owner, has);
    }
    return has;
  }

  /** The hashes of what a node has bought that may serve a request, the newest first. */
  bought(nodeId: string, { origin, method, path }: PurchaseQuery): readonly string[] {
    const { isEmpty, paths } = this.#place(nodeId, origin);
    if (isEmpty) return [];
    const key = `${method} ${path}`;
    let hashes = paths.get(key);
    if (hashes === undefined) {
      hashes = this.#read(nodeId, { origin, method, path });
      if (paths.size >= KEPT_PATHS) paths.clear();
      paths.set(key, hashes);
    }
    return hashes;
  }

  #place(nodeId: string, origin: string): Place {
    const key = placeOf(nodeId, origin);
    let place = this.#places.get(key);
    if (place === undefined) {
      const found = this.#sql.get(
        `SELECT 1 WHERE
           EXISTS (SELECT 1 FROM payments WHERE status = 'paid' AND any_path = 0 AND node_id = ?1 AND origin = ?2)
           OR EXISTS (SELECT 1 FROM payments WHERE status = 'paid' AND any_path = 1 AND node_id = ?1 AND origin = ?2)`,
        nodeId,
        origin,
      );
      place = { isEmpty: found === undefined, paths: new Map() };
      this.#places.set(key, place);
    }
    return place;
  }

  #read(nodeId: string, { origin, method, path }: PurchaseQuery): readonly string[] {
    const forPath = this.#sql.all(
      `SELECT seq, payment_hash FROM payments
       WHERE status = 'paid' AND any_path = 0 AND node_id = ? AND origin = ? AND method = ? AND path = ?
       ORDER BY seq DESC LIMIT ?`,
      nodeId,
      origin,
      method,
      path,
      MAX_PURCHASES,
    );
    const forAny = this.#sql.all(
      `SELECT seq, payment_hash FROM payments
       WHERE status = 'paid' AND any_path = 1 AND node_id = ? AND origin = ?
       ORDER BY seq DESC LIMIT ?`,
      nodeId,
      origin,
      MAX_PURCHASES,
    );
    return [...forPath, ...forAny].sort((a, b) => Number(b.seq) - Number(a.seq)).map(hashIn);
  }

  /** A payment was written. @param before undefined for a new one */
  changed(before: PaymentRecord | undefined, after: PaymentRecord): void {
    for (const record of before === undefined ? [after] : [before, after]) {
      this.#orders.delete(record.order);
      const owner = ownerOf(record.order);
      if (owner !== undefined) this.#owners.delete(owner);
      this.#places.delete(placeOf(record.nodeIds.at(-1)!, record.origin));
    }
  }
}

const placeOf = (nodeId: string, origin: string): string => `${nodeId} ${origin}`;

/** The beginning of an order's name with its space: all orders of one node have the same. */
const ownerOf = (order: string): string | undefined => /^[^ ]* /.exec(order)?.[0];
