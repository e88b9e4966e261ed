/** Sums of the books by agent, model, route or day. */
import type { BooksDatabase, Statement } from "./database.ts";
import { idFrom } from "./retention.ts";
import { PART_OF_ROWS } from "./rows.ts";
import { PARTS } from "./schema.ts";
import type { By } from "./spend-flags.ts";

/** Days of UTC, both included. */
export interface Span {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface Sum {
  /** Of each column that was asked for. */
  readonly keys: readonly string[];
  readonly requests: bigint;
  readonly denied: bigint;
  readonly wouldDeny: bigint;
  /** Requests whose price the vendor did not state all of. */
  readonly estimated: bigint;
  readonly spentUsdMicro: bigint;
  readonly spentMsat: bigint;
  readonly input: bigint;
  readonly cacheRead: bigint;
  readonly cacheWrite: bigint;
  readonly output: bigint;
}

/** Everything in one sum. */
export function totalOf(sums: readonly Sum[]): Sum {
  const total = { ...NOTHING, keys: [] };
  for (const sum of sums) for (const part of COUNTED) total[part] += sum[part];
  return total;
}

const NOTHING = {
  requests: 0n,
  denied: 0n,
  wouldDeny: 0n,
  estimated: 0n,
  spentUsdMicro: 0n,
  spentMsat: 0n,
  input: 0n,
  cacheRead: 0n,
  cacheWrite: 0n,
  output: 0n,
} satisfies Omit<Sum, "keys">;
const COUNTED = Object.keys(NOTHING) as (keyof typeof NOTHING)[];

const DAY_MS = 86_400_000;

/** The dearest first; days in their order. */
export async function sumsBy(
  database: BooksDatabase,
  by: readonly (By | "service")[],
  span: Span = {},
): Promise<readonly Sum[]> {
  const found = await database.read(summing(by, span));
  return found.map((row) => ({
    keys: by.map((key) => String(row[key])),
    requests: BigInt(String(row.requests)),
    denied: BigInt(String(row.denied)),
    wouldDeny: BigInt(String(row.would_deny)),
    estimated: BigInt(String(row.estimated)),
    spentUsdMicro: BigInt(String(row.spent_usd_micro)),
    spentMsat: BigInt(String(row.spent_msat)),
    input: BigInt(String(row.input)),
    cacheRead: BigInt(String(row.cache_read)),
    cacheWrite: BigInt(String(row.cache_write)),
    output: BigInt(String(row.output)),
  }));
}

function summing(by: readonly string[], { from = "0001-01-01", to = "9999-12-31" }: Span) {
  const keys = by.join(", ");
  const parts = PARTS.map((part) => `SUM(${part}) AS ${part}`).join(", ");
  const order = by.includes("day")
    ? keys
    : `spent_usd_micro DESC, spent_msat DESC, requests DESC, ${keys}`;
  const ids = [idFrom(Date.parse(from)), idFrom(Date.parse(to) + DAY_MS)] as const;
  const statement: Statement = {
    sql: `SELECT ${keys}, ${parts} FROM (
        SELECT ${keys}, ${PART_OF_ROWS} FROM gateway_requests WHERE id >= $1 AND id < $2
        UNION ALL
        SELECT ${keys}, ${PARTS.join(", ")} FROM gateway_days WHERE day >= $3 AND day <= $4
      ) AS told GROUP BY ${keys} ORDER BY ${order}`,
    values: [...ids, from, to],
  };
  return statement;
}
