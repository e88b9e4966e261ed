/** The tables of the books: a row for each request, and the totals of days whose rows are gone. */

/** What totals are made of. Units are never converted, so each has a sum of its own. */
export const PARTS = [
  "requests",
  "denied",
  "would_deny",
  "estimated",
  "spent_usd_micro",
  "spent_msat",
  "input",
  "cache_read",
  "cache_write",
  "output",
] as const;

/** What totals are kept by. Texts are empty and never null, so that they can be a key. */
export const KEYS: readonly string[] = "day service agent route model".split(" ");

export const SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS gateway_requests (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    day TEXT NOT NULL,
    ended TEXT NOT NULL,
    service TEXT NOT NULL,
    agent TEXT NOT NULL,
    route TEXT NOT NULL,
    model TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT,
    capability TEXT,
    node_id TEXT,
    status INTEGER,
    code TEXT,
    would_deny TEXT,
    unit TEXT,
    reserved BIGINT,
    spent BIGINT,
    estimated INTEGER NOT NULL,
    price TEXT,
    input BIGINT NOT NULL,
    cache_read BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    output BIGINT NOT NULL,
    usage TEXT,
    duration_ms BIGINT,
    first_byte_ms BIGINT
  )`,
  `CREATE INDEX IF NOT EXISTS gateway_requests_open
    ON gateway_requests (id) WHERE ended = 'open'`,
  `CREATE TABLE IF NOT EXISTS gateway_days (
    ${KEYS.map((key) => `${key} TEXT NOT NULL`).join(", ")},
    ${PARTS.map((part) => `${part} BIGINT NOT NULL`).join(", ")},
    PRIMARY KEY (${KEYS.join(", ")})
  )`,
];
