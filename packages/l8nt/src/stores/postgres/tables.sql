-- Migration 1: the tables of the shared books. Amounts are numeric, which is exact at any size.
-- Times are Unix seconds. spec/5-ledger.md.

-- One row. Each writer locks it first, until its commit: see law.sql.
CREATE TABLE sigil_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  seq bigint NOT NULL DEFAULT 0,
  directive_seq bigint NOT NULL DEFAULT 0,
  latest double precision NOT NULL DEFAULT 0,
  -- of the journal, the last entry that was folded; and the latest end of a counter that is gone
  folded bigint NOT NULL DEFAULT 0,
  forgotten_until double precision NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
INSERT INTO sigil_head DEFAULT VALUES;

-- The fill factor leaves room for the next version of a row: a root's counter changes with every
-- batch.
CREATE TABLE sigil_counters (
  id text COLLATE "C" PRIMARY KEY,
  committed numeric NOT NULL,
  reserved numeric NOT NULL,
  slots jsonb NOT NULL,
  -- What folded entries committed, and when the limit ends: written by folding alone.
  folded numeric NOT NULL DEFAULT 0,
  ends double precision
) WITH (fillfactor = 50);
-- A node's total has no end, and is never forgotten.
CREATE INDEX sigil_counters_ended ON sigil_counters (ends) WHERE ends < 'Infinity';

-- The limits are four arrays of one length. The journal has the whole reservation.
CREATE TABLE sigil_reservations (
  id text COLLATE "C" PRIMARY KEY,
  at double precision NOT NULL,
  unit text NOT NULL,
  value numeric NOT NULL,
  uses numeric NOT NULL,
  ids text[] NOT NULL,
  kinds text[] NOT NULL,
  units text[] NOT NULL,
  windows double precision[] NOT NULL,
  outcome text CHECK (outcome IN ('committed', 'released')),
  outcome_value numeric,
  outcome_uses numeric
) WITH (fillfactor = 80);
CREATE INDEX sigil_reservations_open ON sigil_reservations (at) WHERE outcome IS NULL;

-- "record" holds what never changes, as JSON in text: an agent writes part of it, and jsonb cannot
-- hold U+0000. "place" is the SHA-256 of method and path, or empty if the credential may serve any
-- path: NULL would not keep the order of the index. "amount" and "fee" are in "unit".
CREATE TABLE sigil_payments (
  hash text COLLATE "C" PRIMARY KEY,
  intent text NOT NULL,
  order_key text NOT NULL,
  origin text NOT NULL,
  place text NOT NULL,
  payee text NOT NULL,
  payer text,
  node_ids text[] NOT NULL,
  reservation text NOT NULL,
  unit text NOT NULL,
  amount numeric NOT NULL,
  record text NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'paid', 'used', 'failed', 'undelivered')),
  preimage text,
  fee numeric,
  settled_at double precision,
  delivered boolean NOT NULL,
  closed_to text,
  closed_until double precision,
  begun_seq bigint NOT NULL,
  paid_seq bigint,
  receipted boolean NOT NULL,
  -- Deferred, because one batch may take a purchase from an order and begin a payment for it.
  CONSTRAINT sigil_payments_ordered EXCLUDE USING btree (order_key WITH =) WHERE (status <> 'failed')
    DEFERRABLE INITIALLY DEFERRED
);
-- An intent has a path in it, which may be longer than an entry of a B-tree.
CREATE INDEX sigil_payments_open ON sigil_payments USING hash (intent) WHERE status = 'open';
CREATE INDEX sigil_payments_waiting ON sigil_payments (begun_seq) WHERE status = 'open';
CREATE INDEX sigil_payments_begun ON sigil_payments (begun_seq);
CREATE INDEX sigil_payments_usable ON sigil_payments (payer, origin, place, paid_seq) WHERE status = 'paid';
CREATE INDEX sigil_payments_closed ON sigil_payments (origin) WHERE closed_to IS NOT NULL;
CREATE INDEX sigil_payments_unreceipted ON sigil_payments (paid_seq) WHERE paid_seq IS NOT NULL AND NOT receipted;
CREATE INDEX sigil_payments_nodes ON sigil_payments USING gin (node_ids);

CREATE TABLE sigil_payees (
  origin text NOT NULL,
  payee text NOT NULL,
  n bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (origin, payee)
);

CREATE TABLE sigil_journal (
  seq bigint PRIMARY KEY,
  at double precision NOT NULL,
  type text NOT NULL,
  ref text,
  unit text,
  value numeric,
  detail text
);

CREATE TABLE sigil_directives (
  seq bigint PRIMARY KEY,
  kind text NOT NULL,
  node_id text NOT NULL,
  at double precision NOT NULL,
  record text NOT NULL
);

CREATE TABLE sigil_nodes (
  id text COLLATE "C" PRIMARY KEY,
  path text[] NOT NULL,
  depth integer NOT NULL,
  met_at double precision NOT NULL,
  ends_at double precision,
  -- How many nodes below it were forgotten.
  unlisted integer NOT NULL DEFAULT 0,
  record text NOT NULL
);
CREATE INDEX sigil_nodes_order ON sigil_nodes (depth, met_at, id);
CREATE INDEX sigil_nodes_path ON sigil_nodes USING gin (path);

CREATE TABLE sigil_receipts (
  seq bigint PRIMARY KEY,
  payment_hash text NOT NULL,
  hash text NOT NULL,
  text text NOT NULL
);

CREATE TABLE sigil_facts (name text PRIMARY KEY, value text NOT NULL);

CREATE TABLE sigil_wrapped (name text PRIMARY KEY, bytes bytea NOT NULL);

CREATE FUNCTION sigil_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER sigil_append_only BEFORE UPDATE OR TRUNCATE ON sigil_journal
  FOR EACH STATEMENT EXECUTE FUNCTION sigil_refuse();
CREATE TRIGGER sigil_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sigil_directives
  FOR EACH STATEMENT EXECUTE FUNCTION sigil_refuse();
CREATE TRIGGER sigil_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sigil_receipts
  FOR EACH STATEMENT EXECUTE FUNCTION sigil_refuse();
