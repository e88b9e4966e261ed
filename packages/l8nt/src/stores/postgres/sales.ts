/** The sales and refunds of the Postgres store. spec/5-ledger.md §9. */
import type { Unit } from "../../amount.ts";
import { creditsOf, endedBefore, refundNote, totalsOf } from "../../ledger/index.ts";
import type { Counted } from "../../ports/limit.ts";
import type {
  Credit,
  NumberedSale,
  Refund,
  SaleQuery,
  SaleRecord,
  SalesFolding,
  SaleTotal,
  TotalsQuery,
} from "../../ports/sales.ts";
import type { Database } from "./database.ts";

type SaleRow = {
  readonly [name in
    | "seq"
    | "hash"
    | "node"
    | "unit"
    | "value"
    | "route"
    | "method"
    | "path"]: string;
} & { readonly at: number; readonly ends: number };

type ReservationRow = {
  readonly at: number;
  readonly unit: Unit;
  readonly value: string;
  readonly uses: string;
  readonly ids: readonly string[];
  readonly kinds: readonly string[];
  readonly units: readonly string[];
  readonly spent: string;
  readonly spentUses: string;
};

const COLUMNS = `seq::text, payment_hash AS hash, node_id AS node, unit, value::text, route, method, path, at,
  ends_at AS ends`;

export class PostgresSales {
  readonly #database: Database;
  /** The schema, quoted. */
  readonly #in: string;

  constructor(database: Database, schema: string) {
    this.#database = database;
    this.#in = schema;
  }

  async sell({ paymentHash, amount, ...sale }: SaleRecord, tell: boolean): Promise<boolean> {
    const { nodeId, route, method, path, at, endsAt } = sale;
    const [row] = await this.#database.write<{ sold: boolean }>(
      `SELECT ${this.#in}.sigil_sell(ROW(NULL, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)::${this.#in}.sigil_sales) AS sold`,
      [
        ...[paymentHash, nodeId, amount.unit, `${amount.value}`],
        ...[route, method, path, at, endsAt, !tell],
      ],
    );
    return row!.sold;
  }

  async list({ from, to, after, limit }: SaleQuery): Promise<readonly NumberedSale[]> {
    const rows = await this.#database.read<SaleRow>(
      `SELECT ${COLUMNS} FROM ${this.#in}.sigil_sales WHERE seq > $1
         AND ($2::double precision IS NULL OR at >= $2) AND ($3::double precision IS NULL OR at < $3)
       ORDER BY seq LIMIT $4`,
      [after, from ?? null, to ?? null, limit],
    );
    return rows.map(saleIn);
  }

  async totals(query: TotalsQuery): Promise<readonly SaleTotal[]> {
    const { fromDay = null, toDay = null } = query;
    const rows = await this.#database.read<{
      day: string;
      route: string;
      unit: Unit;
      sales: string;
      value: string;
    }>(
      `SELECT day::text, route, unit, sales::text, value::text FROM ${this.#in}.sigil_sale_totals
         WHERE ($1::bigint IS NULL OR day >= $1) AND ($2::bigint IS NULL OR day < $2)
       UNION ALL SELECT floor(at / 86400)::bigint::text, route, unit, count(*)::text, sum(value)::text
         FROM ${this.#in}.sigil_sales
         WHERE ($1::bigint IS NULL OR at >= $1 * 86400) AND ($2::bigint IS NULL OR at < $2 * 86400)
         GROUP BY 1, 2, 3`,
      [fromDay, toDay],
    );
    const totals = rows.map(({ day, route, unit, sales, value }) => ({
      day: Number(day),
      route,
      sales: Number(sales),
      amount: { unit, value: BigInt(value) },
    }));
    return totalsOf(totals, query);
  }

  async untold(after: number, limit: number): Promise<readonly NumberedSale[]> {
    const rows = await this.#database.read<SaleRow>(
      `SELECT ${COLUMNS} FROM ${this.#in}.sigil_sales WHERE NOT told AND seq > $1 ORDER BY seq LIMIT $2`,
      [after, limit],
    );
    return rows.map(saleIn);
  }

  async told(seqs: readonly number[]): Promise<void> {
    await this.#database.write(
      `UPDATE ${this.#in}.sigil_sales SET told = true WHERE seq = ANY ($1::bigint[])`,
      [seqs],
    );
  }

  async fold(folding: SalesFolding): Promise<boolean> {
    const { at, keepSeconds, limit } = folding;
    const [row] = await this.#database.write<{ folded: number }>(
      `SELECT ${this.#in}.sigil_fold_sales($1, $2, $3) AS folded`,
      [at - keepSeconds, endedBefore(folding), limit],
    );
    return row!.folded === limit;
  }

  async refund({ id, amount, at, until }: Refund): Promise<boolean> {
    if (at >= until) return false;
    const [row] = await this.#database.read<ReservationRow>(
      `SELECT at, unit, value::text, uses::text, ids, kinds, units, outcome_value::text AS spent,
         outcome_uses::text AS "spentUses"
       FROM ${this.#in}.sigil_reservations WHERE id = $1 AND outcome = 'committed'`,
      [id],
    );
    if (row === undefined) return false;
    const credits = creditsOf(
      {
        id,
        at: row.at,
        amount: { unit: row.unit, value: BigInt(row.value) },
        uses: BigInt(row.uses),
        counted: countedIn(row),
      },
      {
        outcome: "committed",
        amount: { unit: row.unit, value: BigInt(row.spent) },
        uses: BigInt(row.spentUses),
      },
      amount,
    );
    if (credits.length === 0) return false;
    const note = JSON.stringify({ type: "note", text: refundNote(id, amount) });
    const [written] = await this.#database.write<{ given: boolean }>(
      `SELECT ${this.#in}.sigil_refund($1, $2, $3, $4, $5, $6, $7) AS given`,
      [
        ...[id, credits.map((credit) => credit.id), credits.map(({ value }) => `${value}`)],
        ...[row.at, until, at, note],
      ],
    );
    return written!.given;
  }

  credits(counterIds: readonly string[]): Promise<readonly Credit[]> {
    return this.#credits([...new Set(counterIds)]);
  }

  async #credits(counters: readonly string[]): Promise<readonly Credit[]> {
    const rows = await this.#database.read<{ counter: string; value: string; at: number }>(
      `SELECT counter, value::text, at FROM ${this.#in}.sigil_refunds WHERE counter = ANY ($1)`,
      [counters],
    );
    return rows.map(({ counter, value, at }) => ({ id: counter, value: BigInt(value), at }));
  }
}

const countedIn = ({ ids, kinds, units }: ReservationRow): readonly Counted[] =>
  ids.map((id, n) => ({ id, kind: kinds[n], ...(units[n] && { unit: units[n] }) }) as Counted);

const saleIn = ({ seq, hash, node, unit, value, ends, ...row }: SaleRow): NumberedSale => ({
  ...row,
  seq: Number(seq),
  paymentHash: hash,
  nodeId: node,
  amount: { unit: unit as Unit, value: BigInt(value) },
  endsAt: ends,
});
