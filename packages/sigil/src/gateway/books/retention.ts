/** What becomes of old rows: their totals are kept by day, and they go. */
import type { BooksDatabase, Statement } from "./database.ts";
import { addToDays, PART_OF_ROWS } from "./rows.ts";
import { KEYS, PARTS } from "./schema.ts";

export interface Retention {
  /** Days that rows are kept. @default 90 */
  readonly days: number;
  /** Rows that are kept at most. @default 500,000 */
  readonly rows: number;
}

export const USUAL_RETENTION: Retention = { days: 90, rows: 500_000 };

/** Rows in one transaction: a few milliseconds. */
const SLICE = 500;
/** Combinations of agent, route and model of one day that have totals of their own. */
const MAX_TOTALS = 1_000;
export const OTHERS = "(others)";

const DAY_MS = 86_400_000;

/** The first id that could be made at a time. */
export const idFrom = (ms: number): string => Math.max(0, ms).toString(16).padStart(12, "0");

/** Folds at most a slice. Returns whether there may be more. */
export async function foldRows(
  database: BooksDatabase,
  { days, rows }: Retention,
  now: number,
): Promise<boolean> {
  const old = idFrom(now - days * DAY_MS);
  const [last] = await database.read({
    sql: `SELECT MAX(id) AS id, COUNT(*) AS count FROM (SELECT id FROM gateway_requests
      WHERE ended <> 'open' AND (id < $1 OR id < COALESCE((SELECT id FROM gateway_requests
        ORDER BY id DESC LIMIT 1 OFFSET $2), '')) ORDER BY id LIMIT ${SLICE}) AS slice`,
    values: [old, Math.max(0, rows - 1)],
  });
  if (last === undefined || last.id === null) return false;
  const id = String(last.id);
  await database.write([...folding(database.shared), ...folded(id)]);
  return Number(last.count) === SLICE;
}

/** Two gateways that fold the same rows would add them twice, and lose one that ends meanwhile. */
const folding = (shared: boolean): readonly Statement[] =>
  shared
    ? [
        {
          sql: "LOCK TABLE gateway_days, gateway_requests IN SHARE ROW EXCLUSIVE MODE",
          values: [],
        },
      ]
    : [];

function folded(id: string): readonly Statement[] {
  const ofDay = "SELECT 1 FROM gateway_days d WHERE d.day = r.day";
  const isKnown = `EXISTS (${ofDay} AND ${KEYS.slice(1)
    .map((key) => `d.${key} = r.${key}`)
    .join(" AND ")})`;
  const isFew = `(SELECT COUNT(*) FROM gateway_days d WHERE d.day = r.day) < ${MAX_TOTALS}`;
  // Names come from requests, so a day may have any number of them.
  const own = (key: string): string =>
    `CASE WHEN ${isFew} OR ${isKnown} THEN r.${key} ELSE '${OTHERS}' END AS ${key}`;
  const told = `SELECT r.day AS day, r.service AS service, ${KEYS.slice(2)
    .map(own)
    .join(", ")}, ${PART_OF_ROWS} FROM gateway_requests r WHERE r.ended <> 'open' AND r.id <= $1`;
  return [
    {
      sql: addToDays(
        `SELECT ${KEYS.join(", ")}, ${PARTS.map((part) => `SUM(${part})`).join(", ")}
         FROM (${told}) AS told WHERE true GROUP BY ${KEYS.join(", ")}`,
      ),
      values: [id],
    },
    { sql: "DELETE FROM gateway_requests WHERE ended <> 'open' AND id <= $1", values: [id] },
  ];
}
