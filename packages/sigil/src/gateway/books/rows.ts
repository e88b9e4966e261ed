/** A request as a row of the books. */
import { printable, withoutSecrets } from "../../secrecy.ts";
import type { Row } from "../observer.ts";
import { rememberingUnchanged } from "../unchanged.ts";
import type { Usage } from "../usage.ts";
import { type Statement, tuples, type Value } from "./database.ts";
import { KEYS, PARTS } from "./schema.ts";

/** Longer names are of nobody that should fill the books. */
const MAX_NAME = 200;

const COLUMNS = [
  "id at day ended service agent route model method path capability node_id status code would_deny unit",
  "reserved spent estimated price input cache_read cache_write output usage duration_ms first_byte_ms",
].flatMap((names) => names.split(" "));
const FIXED: ReadonlySet<string> = new Set(["id", "at", "day"]);

const put = (count: number): string => `INSERT INTO gateway_requests (${COLUMNS.join(", ")})
  VALUES ${tuples(count, COLUMNS.length)}
  ON CONFLICT (id) DO UPDATE SET ${COLUMNS.filter((name) => !FIXED.has(name))
    .map((name) => `${name} = excluded.${name}`)
    .join(", ")}`;

const PUT = put(1);

export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** Whose requests without a proven key are. No agent can have that name. */
export const NO_KEY = "(no key)";

/** The agents from the root on, as people read them. The root has no name. */
export const agentOf = ({ nodeId, lineage }: Pick<Row, "nodeId" | "lineage">): string =>
  nodeId === undefined ? NO_KEY : lineage.join(" > ");

/** What the request and its answer say of themselves. Postgres takes no NUL. */
export const named = (text = ""): string => shown(text.slice(0, MAX_NAME));

const shown = rememberingUnchanged((text) => printable(withoutSecrets(text)));

/** Adds a row, or replaces what is known of it. */
export function putRow(row: Row): Statement {
  const { usage, end } = row;
  const values: Value[] = [
    ...[row.id, row.at, dayOf(row.at), end, row.service ?? "", agentOf(row)],
    ...[row.route ?? "", named(row.model), named(row.method)],
    // The path of a route that is listed has nothing to tell.
    row.route === undefined ? named(row.path) : null,
    ...[row.capability ?? null, row.nodeId ?? null, row.status ?? null, row.code ?? null],
    ...[row.wouldDeny ?? null, row.unit ?? null, row.reserved ?? null, row.spent ?? null],
    ...[row.isEstimated ? 1 : 0, row.price ?? null],
    ...tokensOf(usage),
    usage === undefined ? null : JSON.stringify({ ...usage, model: named(usage.model) }),
    ...[row.durationMs ?? null, row.firstByteMs ?? null],
  ];
  return { sql: PUT, values, many: put };
}

function tokensOf(usage: Usage | undefined): readonly number[] {
  if (usage === undefined) return [0, 0, 0, 0];
  const { input, inputAudio, cacheRead, cacheWrite5m, cacheWrite1h, output, outputAudio } = usage;
  return [input + inputAudio, cacheRead, cacheWrite5m + cacheWrite1h, output + outputAudio].map(
    // A vendor may state what is no whole number.
    (count) => Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.ceil(count) || 0)),
  );
}

/** The parts of totals, of rows. A request that was denied is no request that was let through. */
export const PART_OF_ROWS = `
  CASE WHEN ended = 'denied' THEN 0 ELSE 1 END AS requests,
  CASE WHEN ended = 'denied' THEN 1 ELSE 0 END AS denied,
  CASE WHEN would_deny IS NULL THEN 0 ELSE 1 END AS would_deny,
  estimated,
  CASE WHEN unit = 'usd_micro' THEN COALESCE(spent, 0) ELSE 0 END AS spent_usd_micro,
  CASE WHEN unit = 'msat' THEN COALESCE(spent, 0) ELSE 0 END AS spent_msat,
  input, cache_read, cache_write, output`;

/** Adds totals to those of a day. `select` gives the keys and the parts, grouped by the keys. */
export const addToDays = (select: string): string =>
  `INSERT INTO gateway_days (${[...KEYS, ...PARTS].join(", ")}) ${select}
   ON CONFLICT (${KEYS.join(", ")}) DO UPDATE SET ${PARTS.map(
     (part) => `${part} = gateway_days.${part} + excluded.${part}`,
   ).join(", ")}`;
