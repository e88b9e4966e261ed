/**
 * Written by scripts/inline-sql.ts: edit tables.sql, handovers.sql, fold.sql, law.sql, sales.sql.
 */

export const tables = `
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
`;

export const handovers = `

-- Hand-overs, one row for each node and purchase, and their recalls. A path is ids with a space
-- between. "parent" is null for nodes at and above the payer. spec/4-purchase.md §5-6.
CREATE TABLE sigil_hand_overs (
  node_id text COLLATE "C" NOT NULL,
  payment_hash text COLLATE "C" NOT NULL,
  parent text,
  path text COLLATE "C" NOT NULL,
  origin text NOT NULL,
  until double precision NOT NULL,
  PRIMARY KEY (node_id, payment_hash)
) WITH (fillfactor = 80);
CREATE INDEX sigil_hand_overs_below ON sigil_hand_overs (parent, until) WHERE parent IS NOT NULL;
CREATE INDEX sigil_hand_overs_ended ON sigil_hand_overs (until);

CREATE TABLE sigil_recalls (
  payment_hash text COLLATE "C" NOT NULL,
  path text COLLATE "C" NOT NULL,
  origin text NOT NULL,
  presented integer NOT NULL,
  rank integer NOT NULL,
  at double precision NOT NULL,
  until double precision NOT NULL,
  acknowledged_at double precision,
  not_before double precision NOT NULL,
  PRIMARY KEY (payment_hash, path)
);
CREATE INDEX sigil_recalls_pending ON sigil_recalls (rank, at) WHERE acknowledged_at IS NULL;
CREATE INDEX sigil_recalls_at ON sigil_recalls (at);
CREATE INDEX sigil_recalls_ended ON sigil_recalls (until);

-- Writes one recall: unless one above it is there, and in the place of those below it.
CREATE FUNCTION sigil_put_recall(r sigil_recalls) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (
    SELECT FROM sigil_recalls above
    WHERE above.payment_hash = r.payment_hash AND above.path <> ''
      AND starts_with(r.path, above.path || ' ')
  ) THEN
    RETURN;
  END IF;
  DELETE FROM sigil_recalls below
  WHERE below.payment_hash = r.payment_hash AND below.path > r.path || ' ' AND below.path < r.path || '!';
  INSERT INTO sigil_recalls AS known SELECT r.*
  ON CONFLICT (payment_hash, path) DO UPDATE SET
    presented = least(known.presented, excluded.presented),
    rank = least(known.rank, excluded.rank),
    until = greatest(known.until, excluded.until);
END
$$;

-- How many nodes of the path the node that revokes may present: 0 for the owner, and above it.
CREATE FUNCTION sigil_presented(nodes text[], by_node text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(array_position(nodes[1:cardinality(nodes) - 1], by_node), 0)
$$;

-- The recalls of at most "many" purchases with hashes after "after". Returns the last hash, or null
-- if there are no more.
CREATE FUNCTION sigil_recall(node text, by_node text, its_rank integer, its_at double precision,
  after text, many integer)
RETURNS text LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  last_hash text;
  found integer;
BEGIN
  SELECT max(part.payment_hash), count(*) INTO last_hash, found FROM (
    SELECT h.payment_hash FROM sigil_hand_overs h
    WHERE h.node_id = node AND h.payment_hash > after COLLATE "C"
    ORDER BY h.payment_hash LIMIT many
  ) part;
  PERFORM sigil_put_recall(ROW(
    h.payment_hash, h.path, h.origin, sigil_presented(string_to_array(h.path, ' '), by_node),
    its_rank, its_at, h.until, NULL, 0
  )::sigil_recalls)
  FROM sigil_hand_overs h
  WHERE h.node_id = node AND h.payment_hash > after COLLATE "C"
    AND h.payment_hash <= last_hash COLLATE "C" AND h.until > its_at;
  RETURN CASE WHEN found < many THEN NULL ELSE last_hash END;
END
$$;
`;

export const fold = `

-- What was folded of the journal. "body" is the checkpoint, as JSON; what has to be read under the
-- lock of sigil_head stands there. "sum" is of the folded counters. spec/5-ledger.md §6.
CREATE TABLE sigil_checkpoint (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  books text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', ''),
  seq bigint NOT NULL DEFAULT 0,
  body text,
  sum bytea NOT NULL DEFAULT decode(repeat('00', 2048), 'hex')
);
INSERT INTO sigil_checkpoint DEFAULT VALUES;

-- Entries that were folded and stay in the journal, by the reservation's id.
CREATE TABLE sigil_carried (id text COLLATE "C" PRIMARY KEY, entry bigint NOT NULL, released bigint);

CREATE FUNCTION sigil_refuse_unfolded() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF OLD.seq <= (SELECT h.folded FROM sigil_head h) THEN RETURN OLD; END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER sigil_append_only_unfolded BEFORE DELETE ON sigil_journal
  FOR EACH ROW EXECUTE FUNCTION sigil_refuse_unfolded();

-- Writes what ledger/fold.ts made of the books after checkpoint "expected". Returns false, with
-- nothing changed, if another process was faster, or if something counts on a counter that is to go.
CREATE FUNCTION sigil_fold(
  expected bigint, through bigint, forgotten_until double precision, body text, sum bytea,
  removed bigint[], dropped text[],
  carried_ids text[], carried_entries bigint[], carried_released bigint[],
  ended_ids text[], ended_ats double precision[],
  counter_ids text[], counter_folded numeric[], counter_ends double precision[],
  forgotten_ids text[], forgotten_committed numeric[]
) RETURNS boolean LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM sigil_lock();
  IF (SELECT c.seq FROM sigil_checkpoint c) <> expected THEN RETURN false; END IF;
  IF cardinality(forgotten_ids) <> (
    SELECT count(*) FROM sigil_counters s JOIN unnest(forgotten_ids, forgotten_committed) AS t(id, committed)
      ON s.id = t.id AND s.committed = t.committed WHERE s.reserved = 0
  ) THEN RETURN false; END IF;
  UPDATE sigil_head h SET folded = sigil_fold.through, forgotten_until = sigil_fold.forgotten_until;
  UPDATE sigil_checkpoint c SET seq = expected + 1, body = sigil_fold.body, sum = sigil_fold.sum;
  DELETE FROM sigil_reservations r USING unnest(ended_ids, ended_ats) AS t(id, at)
    WHERE r.id = t.id AND r.at = t.at AND r.outcome IS NOT NULL;
  DELETE FROM sigil_carried c WHERE c.id = ANY (dropped);
  INSERT INTO sigil_carried AS c
    SELECT t.* FROM unnest(carried_ids, carried_entries, carried_released) AS t(id, entry, released)
    ON CONFLICT (id) DO UPDATE SET entry = excluded.entry, released = excluded.released;
  DELETE FROM sigil_journal j WHERE j.seq = ANY (removed);
  UPDATE sigil_counters s SET folded = t.folded, ends = t.ends
    FROM unnest(counter_ids, counter_folded, counter_ends) AS t(id, folded, ends) WHERE s.id = t.id;
  DELETE FROM sigil_counters s WHERE s.id = ANY (forgotten_ids);
  RETURN true;
END $$;
`;

export const law = `
-- Migration 2: the law of ledger/step.ts, evaluated in the database. sigil_apply takes a batch of
-- events in order and gives one answer for each. spec/5-ledger.md.
--
-- Every function here first locks the one row of sigil_head. A transaction is one statement, so the
-- lock is held from before the first read until the commit is durable. Therefore:
--
-- * Writers take turns. READ COMMITTED gives each statement after the lock a fresh snapshot, so a
--   writer reads what the writer before it committed. sigil_lock refuses every other isolation
--   level, because its snapshot would be older than the lock.
-- * There is one lock, so two batches cannot deadlock, whatever rows they share.
-- * The numbers of the journal and of the directives come from that row. A smaller number was
--   committed earlier, and a number that was rolled back is given again: a reader that has seen n
--   is never shown a new entry below n.
-- * A client that dies cannot keep the lock: the statement ends without another word from it, and
--   the transaction ends with the statement.
--
-- Locking only the counters that a batch touches would gain little: the order of the journal needs
-- one lock until the commit, and every spend below one root shares the counter of the root. The
-- batch makes it fast: there is one commit for all its events. Rows are loaded once, changed in
-- arrays, and written once, so the counter of a root has one new version for each batch.

CREATE TYPE sigil_event AS (
  type text,
  at double precision,
  -- a reservation, and the beginning of a payment
  id text,
  unit text,
  value numeric,
  uses numeric,
  ids text[],
  kinds text[],
  units text[],
  maxes numeric[],
  windows double precision[],
  ends double precision[],
  body text,
  -- a payment, and what it closes
  hash text,
  reservation text,
  intent text,
  order_key text,
  order_from text,
  origin text,
  place text,
  payee text,
  node_ids text[],
  price numeric,
  record text,
  status text,
  preimage text,
  fee_unit text,
  fee numeric,
  settled_at double precision,
  delivered boolean,
  closed_to text,
  closed_until double precision,
  -- a directive
  node_id text
);

CREATE FUNCTION sigil_payment_json(p sigil_payments) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('record', p.record, 'order', p.order_key, 'status', p.status, 'preimage', p.preimage, 'fee', p.fee::text,
    'settledAt', p.settled_at, 'delivered', p.delivered,
    'closedTo', p.closed_to, 'closedUntil', p.closed_until)
$$;

-- The rule of ledger/window.ts: 60 slots, the edge rounded against the spender, and slots later
-- than now are live too.
CREATE FUNCTION sigil_window_add(slots jsonb, slot double precision, amount numeric) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  live jsonb;
  present boolean;
BEGIN
  SELECT jsonb_agg(CASE WHEN (s->>0)::double precision = slot
      THEN jsonb_build_array(slot, ((s->>1)::numeric + amount)::text) ELSE s END ORDER BY n),
      coalesce(bool_or((s->>0)::double precision = slot), false)
    INTO live, present
    FROM jsonb_array_elements(slots) WITH ORDINALITY AS e(s, n) WHERE (s->>0)::double precision >= slot - 60;
  IF present THEN RETURN live; END IF;
  RETURN coalesce(live, '[]') || jsonb_build_array(jsonb_build_array(slot, amount::text));
END $$;

CREATE FUNCTION sigil_lock() RETURNS sigil_head LANGUAGE plpgsql AS $$
DECLARE
  head sigil_head;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the books are written at READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
  END IF;
  -- A role may default to "off", and nothing may be paid or served before its commit is durable.
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  SELECT * INTO STRICT head FROM sigil_head FOR UPDATE;
  RETURN head;
END $$;

CREATE FUNCTION sigil_apply(batch jsonb, again boolean) RETURNS jsonb LANGUAGE plpgsql
-- Look-ups by key whatever the statistics of a young table say, and planned once: planning costs
-- more than the look-ups.
SET search_path FROM CURRENT SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan AS $law$
#variable_conflict use_column
DECLARE
  head sigil_head := sigil_lock();
  events sigil_event[];
  ev sigil_event;
  n integer := 0;
  answers jsonb[] := '{}';
  newest double precision := head.latest;
  -- payments by place, and the place of the open one of an intent by the intent's place
  pay_at jsonb := '{}';
  pays sigil_payments[] := '{}';
  pays_touched boolean[] := '{}';
  pay sigil_payments;
  intent_at jsonb := '{}';
  intent_open integer[] := '{}';
  -- the place of the payment of an order that did not fail, by the order's place
  order_at jsonb := '{}';
  order_paid integer[] := '{}';
  o integer;
  p integer;
  i integer;
  -- reservations by place
  res_at jsonb := '{}';
  ress sigil_reservations[] := '{}';
  ress_touched boolean[] := '{}';
  res sigil_reservations;
  r integer;
  -- counters by place: columns, because they change most
  c_at jsonb := '{}';
  c_ids text[];
  c_committed numeric[];
  c_reserved numeric[];
  c_slots jsonb[];
  c_touched integer[];
  c_in_flight boolean[];
  -- whether there is a row, or will be
  c_known boolean[];
  -- what the window of a counter comes to at a slot; and what is added to a slot and not yet in
  -- "c_slots"
  c_now double precision[];
  c_total numeric[];
  c_adding double precision[];
  c_added numeric[];
  -- the latest slot of a counter
  c_latest double precision[];
  c integer;
  k integer;
  slot double precision;
  amount numeric;
  spent numeric;
  used numeric;
  refused jsonb;
  is_open boolean;
  is_full boolean;
  outcome text;
  outcome_unit text;
  outcome_value numeric;
  outcome_at double precision;
  -- journal entries
  j integer := 0;
  j_at double precision[] := '{}';
  j_type text[] := '{}';
  j_ref text[] := '{}';
  j_unit text[] := '{}';
  j_value numeric[] := '{}';
  j_detail text[] := '{}';
BEGIN
  SELECT array_agg(e ORDER BY o) INTO events
    FROM (SELECT jsonb_populate_record(NULL::sigil_event, b) AS e, o FROM jsonb_array_elements(batch) WITH ORDINALITY AS t(b, o)) t;

  IF EXISTS (SELECT FROM unnest(events) e WHERE e.hash IS NOT NULL) THEN
    SELECT jsonb_object_agg(k.hash, k.n), array_agg(s ORDER BY k.n), array_agg(false) INTO pay_at, pays, pays_touched
      FROM (SELECT u.hash, row_number() OVER () AS n FROM (
          SELECT e.hash FROM unnest(events) e WHERE e.hash IS NOT NULL
          UNION
          SELECT o.hash FROM unnest(events) e JOIN sigil_payments o ON o.intent = e.intent AND o.status = 'open'
          UNION
          SELECT o.hash FROM unnest(events) e JOIN sigil_payments o ON o.order_key = e.order_key AND o.status <> 'failed'
        ) u) k
      LEFT JOIN sigil_payments s ON s.hash = k.hash;
    SELECT coalesce(jsonb_object_agg(u.intent, u.n), '{}'), coalesce(array_agg(u.open ORDER BY u.n), '{}') INTO intent_at, intent_open
      FROM (SELECT t.intent, row_number() OVER () AS n, max(t.open) AS open FROM (
          SELECT e.intent, NULL::integer AS open FROM unnest(events) e WHERE e.intent IS NOT NULL
          UNION ALL
          SELECT l.intent, CASE WHEN l.status = 'open' THEN (pay_at ->> l.hash)::integer END FROM unnest(pays) l WHERE l.hash IS NOT NULL
        ) t GROUP BY t.intent) u;
    SELECT coalesce(jsonb_object_agg(u.order_key, u.n), '{}'), coalesce(array_agg(u.paid ORDER BY u.n), '{}') INTO order_at, order_paid
      FROM (SELECT t.order_key, row_number() OVER () AS n, max(t.paid) AS paid FROM (
          SELECT unnest(ARRAY[e.order_key, e.order_from]) AS order_key, NULL::integer AS paid FROM unnest(events) e
          UNION ALL
          SELECT l.order_key, CASE WHEN l.status <> 'failed' THEN (pay_at ->> l.hash)::integer END FROM unnest(pays) l WHERE l.hash IS NOT NULL
        ) t WHERE t.order_key IS NOT NULL GROUP BY t.order_key) u;
  END IF;

  SELECT coalesce(jsonb_object_agg(k.id, k.n), '{}'), array_agg(s ORDER BY k.n), array_agg(false) INTO res_at, ress, ress_touched
    FROM (SELECT u.id, row_number() OVER () AS n FROM (
        SELECT e.id FROM unnest(events) e WHERE e.id IS NOT NULL
        UNION
        SELECT e.reservation FROM unnest(events) e WHERE e.reservation IS NOT NULL
        UNION
        SELECT l.reservation FROM unnest(pays) l WHERE l.reservation IS NOT NULL
      ) u(id)) k
    LEFT JOIN sigil_reservations s ON s.id = k.id;

  SELECT coalesce(jsonb_object_agg(k.id, k.n), '{}'), array_agg(k.id ORDER BY k.n),
      array_agg(coalesce(s.committed, 0) ORDER BY k.n), array_agg(coalesce(s.reserved, 0) ORDER BY k.n),
      array_agg(coalesce(s.slots, '[]') ORDER BY k.n),
      array_agg(0), array_agg(false), array_agg(s.id IS NOT NULL ORDER BY k.n), array_agg(NULL::double precision), array_agg(0::numeric), array_agg(NULL::double precision), array_agg(0::numeric),
      array_agg(NULL::double precision)
    INTO c_at, c_ids, c_committed, c_reserved, c_slots, c_touched, c_in_flight, c_known, c_now, c_total, c_adding, c_added, c_latest
    FROM (SELECT u.id, row_number() OVER () AS n FROM (
        SELECT unnest(e.ids) FROM unnest(events) e
        UNION
        SELECT unnest(l.ids) FROM unnest(ress) l WHERE l.outcome IS DISTINCT FROM 'committed'
      ) u(id)) k
    LEFT JOIN sigil_counters s ON s.id = k.id;

  FOREACH ev IN ARRAY events LOOP
    n := n + 1;
    outcome := NULL;

    CASE ev.type
    WHEN 'reserve', 'begin' THEN
      IF ev.type = 'begin' THEN
        p := (pay_at ->> ev.hash)::integer;
        pay := pays[p];
        -- A batch is sent again if it is not known whether it was committed. What this call began
        -- is its own.
        IF again AND pay.reservation = ev.reservation THEN
          IF pay.status = 'open' THEN
            answers[n] := 'true';
          ELSE
            answers[n] := '{"lost": true}';
          END IF;
          CONTINUE;
        END IF;
        o := (order_at ->> ev.order_key)::integer;
        IF order_paid[o] IS NOT NULL THEN
          answers[n] := jsonb_build_object('ordered', sigil_payment_json(pays[order_paid[o]]));
          CONTINUE;
        END IF;
        IF pay.hash IS NOT NULL AND pay.status <> 'failed' THEN
          answers[n] := jsonb_build_object('repeated', sigil_payment_json(pay));
          CONTINUE;
        END IF;
        i := (intent_at ->> ev.intent)::integer;
        IF intent_open[i] IS NOT NULL THEN
          answers[n] := jsonb_build_object('open', sigil_payment_json(pays[intent_open[i]]));
          CONTINUE;
        END IF;
      END IF;
      r := (res_at ->> ev.id)::integer;
      res := ress[r];
      IF ev.type = 'begin' AND res.id IS NOT NULL AND res.outcome IS DISTINCT FROM 'released' THEN
        answers[n] := '{"error": "the attempt id was used before"}';
        CONTINUE;
      END IF;
      IF res.id IS NULL OR res.outcome = 'released' THEN
        refused := NULL;
        is_full := false;
        FOR k IN 1..cardinality(ev.ids) LOOP
          amount := CASE WHEN ev.kinds[k] = 'in-flight' THEN 1 WHEN ev.kinds[k] = 'uses' THEN ev.uses
            WHEN ev.units[k] = ev.unit THEN ev.value ELSE 0 END;
          CONTINUE WHEN amount = 0;
          c := (c_at ->> ev.ids[k])::integer;
          is_full := is_full OR c_committed[c] + c_reserved[c] + amount > 9223372036854775807;
          CONTINUE WHEN ev.maxes[k] IS NULL;
          -- Of a counter that was deleted nothing is left.
          IF NOT c_known[c] AND ev.ends[k] <= head.forgotten_until THEN
            refused := coalesce(refused, '[]') || jsonb_build_array(jsonb_build_array(ev.ids[k], ev.maxes[k]::text, '0'));
            CONTINUE;
          END IF;
          IF ev.windows[k] IS NULL THEN
            used := c_committed[c];
          ELSE
            slot := floor(ev.at * 60 / ev.windows[k]);
            IF c_now[c] IS DISTINCT FROM slot THEN
              IF c_adding[c] IS NOT NULL THEN
                c_slots[c] := sigil_window_add(c_slots[c], c_adding[c], c_added[c]);
                c_adding[c] := NULL;
              END IF;
              c_total[c] := (SELECT coalesce(sum((s->>1)::numeric), 0) FROM jsonb_array_elements(c_slots[c]) s
                WHERE (s->>0)::double precision >= slot - 60);
              c_now[c] := slot;
            END IF;
            used := c_total[c];
            IF c_latest[c] IS NULL THEN
              c_latest[c] := coalesce(greatest(c_adding[c], (SELECT max((s->>0)::double precision) FROM jsonb_array_elements(c_slots[c]) s)), '-infinity');
            END IF;
            -- The clock was set ahead and back, so nobody knows what the window holds.
            IF c_latest[c] > floor((ev.at + 600) * 60 / ev.windows[k]) THEN
              used := greatest(used, ev.maxes[k]);
            END IF;
          END IF;
          used := used + c_reserved[c];
          IF used + amount > ev.maxes[k] THEN
            refused := coalesce(refused, '[]') || jsonb_build_array(jsonb_build_array(ev.ids[k], used::text, c_reserved[c]::text));
          END IF;
        END LOOP;
        IF refused IS NOT NULL THEN
          answers[n] := refused;
          CONTINUE;
        END IF;
        IF is_full THEN
          answers[n] := '{"full": true}';
          CONTINUE;
        END IF;
        -- Backwards, and each counter once: if a counter is named twice, the last one holds, as in
        -- count.ts.
        FOR k IN REVERSE cardinality(ev.ids)..1 LOOP
          amount := CASE WHEN ev.kinds[k] = 'in-flight' THEN 1 WHEN ev.kinds[k] = 'uses' THEN ev.uses
            WHEN ev.units[k] = ev.unit THEN ev.value ELSE 0 END;
          CONTINUE WHEN amount = 0;
          c := (c_at ->> ev.ids[k])::integer;
          CONTINUE WHEN c_touched[c] = n;
          c_touched[c] := n;
          c_known[c] := true;
          c_reserved[c] := c_reserved[c] + amount;
          c_in_flight[c] := left(ev.kinds[k], 9) = 'in-flight';
        END LOOP;
        res := ROW(ev.id, ev.at, ev.unit, ev.value, ev.uses, ev.ids, ev.kinds, ev.units, ev.windows, NULL, NULL, NULL);
        ress[r] := res;
        ress_touched[r] := true;
        j := j + 1;
        j_at[j] := ev.at; j_type[j] := 'reserve'; j_ref[j] := ev.id; j_unit[j] := NULL; j_value[j] := NULL; j_detail[j] := ev.body;
        newest := greatest(newest, ev.at);
      END IF;
      answers[n] := 'true';
      IF ev.type = 'begin' THEN
        j := j + 1;
        j_at[j] := ev.at; j_type[j] := 'payment'; j_ref[j] := ev.hash; j_unit[j] := NULL; j_value[j] := NULL; j_detail[j] := ev.status;
        newest := greatest(newest, ev.at);
        pays[p] := ROW(ev.hash, ev.intent, ev.order_key, ev.origin, ev.place, ev.payee, ev.node_ids[cardinality(ev.node_ids)], ev.node_ids, ev.reservation, ev.unit, ev.price,
          ev.record, ev.status, ev.preimage, ev.fee, ev.settled_at, ev.delivered,
          ev.closed_to, ev.closed_until, head.seq + j, NULL, false);
        pays_touched[p] := true;
        IF ev.status = 'open' THEN intent_open[i] := p; END IF;
        IF ev.status <> 'failed' THEN order_paid[o] := p; END IF;
      END IF;
      CONTINUE;

    WHEN 'commit' THEN
      r := (res_at ->> ev.id)::integer;
      outcome := 'committed';
      outcome_unit := ev.unit;
      outcome_value := ev.value;
      outcome_at := ev.at;

    WHEN 'release' THEN
      r := (res_at ->> ev.id)::integer;
      outcome := 'released';
      outcome_unit := NULL;
      outcome_value := 0;
      outcome_at := ev.at;

    WHEN 'settle' THEN
      p := (pay_at ->> ev.hash)::integer;
      pay := pays[p];
      IF pay.hash IS NULL THEN
        answers[n] := '{"error": "no such payment"}';
        CONTINUE;
      END IF;
      -- "paid" holds whatever the attempt, because money moved. An attempt that wakes up late knows
      -- nothing about the one that was made since, so its "failed" changes nothing.
      IF (ev.status = 'paid' AND pay.status NOT IN ('open', 'failed'))
          OR (ev.status = 'failed' AND (pay.status <> 'open' OR pay.reservation <> ev.reservation)) THEN
        answers[n] := sigil_payment_json(pay);
        CONTINUE;
      END IF;
      r := (res_at ->> pay.reservation)::integer;
      o := (order_at ->> pay.order_key)::integer;
      IF ev.status = 'paid' THEN
        IF ev.fee_unit <> pay.unit THEN
          answers[n] := jsonb_build_object('error', format('the payment is in %s, and its fee is in %s', pay.unit, ev.fee_unit));
          CONTINUE;
        END IF;
        outcome := 'committed';
        outcome_unit := pay.unit;
        outcome_value := pay.amount + ev.fee;
        pay.preimage := ev.preimage;
        pay.fee := ev.fee;
        IF pay.status = 'failed' THEN
          pay.order_key := 'late ' || pay.hash;
          o := (order_at ->> pay.order_key)::integer;
        END IF;
      ELSE
        outcome := 'released';
        outcome_unit := NULL;
        outcome_value := 0;
      END IF;
      outcome_at := ev.at;
      pay.status := ev.status;
      pay.settled_at := ev.at;

    WHEN 'mark' THEN
      p := (pay_at ->> ev.hash)::integer;
      pay := pays[p];
      IF pay.hash IS NULL THEN
        answers[n] := '{"error": "no such payment"}';
        CONTINUE;
      END IF;
      IF (ev.status = 'used' AND pay.status = 'paid') OR (ev.status = 'undelivered' AND pay.status IN ('paid', 'used')) THEN
        pay.status := ev.status;
        IF ev.closed_to IS NOT NULL THEN
          pay.closed_to := ev.closed_to;
          pay.closed_until := ev.closed_until;
        END IF;
        j := j + 1;
        j_at[j] := newest; j_type[j] := 'payment'; j_ref[j] := ev.hash; j_unit[j] := NULL; j_value[j] := NULL; j_detail[j] := ev.status;
      END IF;
      pay.delivered := pay.delivered OR coalesce(ev.delivered, false);
      pays[p] := pay;
      pays_touched[p] := true;
      answers[n] := sigil_payment_json(pay);
      CONTINUE;

    WHEN 'take' THEN
      p := (pay_at ->> ev.hash)::integer;
      pay := pays[p];
      o := (order_at ->> ev.order_key)::integer;
      IF (pay.status = 'paid' OR pay.status = ev.status) AND pay.order_key = ev.order_from AND order_paid[o] IS NULL THEN
        order_paid[(order_at ->> ev.order_from)::integer] := NULL;
        order_paid[o] := p;
        pay.order_key := ev.order_key;
        pays[p] := pay;
        pays_touched[p] := true;
        answers[n] := 'true';
      ELSE
        -- What this call took is its own.
        answers[n] := to_jsonb(again AND coalesce((pay.status = 'paid' OR pay.status = ev.status) AND pay.order_key = ev.order_key, false));
      END IF;
      CONTINUE;

    WHEN 'directive' THEN
      head.directive_seq := head.directive_seq + 1;
      INSERT INTO sigil_directives (seq, kind, node_id, at, record) VALUES (head.directive_seq, ev.status, ev.node_id, ev.at, ev.record);
      -- Postgres delivers it at commit, when a listener can read the directive.
      PERFORM pg_notify('sigil_directive', current_schema());
      j := j + 1;
      j_at[j] := ev.at; j_type[j] := 'directive'; j_ref[j] := ev.node_id; j_unit[j] := NULL; j_value[j] := NULL; j_detail[j] := ev.body;
      newest := greatest(newest, ev.at);
      answers[n] := to_jsonb(head.directive_seq);
      CONTINUE;

    WHEN 'note', 'payee' THEN
      IF ev.type = 'payee' THEN
        INSERT INTO sigil_payees (origin, payee) VALUES (ev.origin, ev.payee) ON CONFLICT DO NOTHING;
      END IF;
      j := j + 1;
      j_at[j] := ev.at; j_type[j] := 'note'; j_ref[j] := NULL; j_unit[j] := NULL; j_value[j] := NULL; j_detail[j] := ev.body;
      newest := greatest(newest, ev.at);
      answers[n] := 'true';
      CONTINUE;
    END CASE;

    -- A reservation ends: by itself, or with its payment.
    res := ress[r];
    IF res.id IS NULL THEN
      answers[n] := '{"error": "no such reservation"}';
      CONTINUE;
    END IF;
    is_open := res.outcome IS NULL;
    -- What was spent is counted, past a limit too, also if its reservation was released.
    IF is_open OR (ev.type = 'settle' AND outcome = 'committed' AND res.outcome = 'released') THEN
      IF outcome_unit <> res.unit THEN
        answers[n] := jsonb_build_object('error', format('the reservation is in %s, and the spend is in %s', res.unit, outcome_unit));
        CONTINUE;
      END IF;
      is_full := false;
      IF outcome = 'committed' THEN
        FOR k IN 1..cardinality(res.ids) LOOP
          spent := CASE WHEN res.kinds[k] = 'uses' THEN res.uses
            WHEN res.kinds[k] = 'spend' AND res.units[k] = res.unit THEN outcome_value ELSE 0 END;
          is_full := is_full OR c_committed[(c_at ->> res.ids[k])::integer] + spent > 9223372036854775807;
        END LOOP;
      END IF;
      IF is_full THEN
        answers[n] := '{"full": true}';
        CONTINUE;
      END IF;
      res.outcome := outcome;
      res.outcome_value := outcome_value;
      res.outcome_uses := CASE outcome WHEN 'committed' THEN res.uses ELSE 0 END;
      FOR k IN REVERSE cardinality(res.ids)..1 LOOP
        CASE res.kinds[k]
          WHEN 'uses' THEN amount := res.uses; spent := res.outcome_uses;
          WHEN 'in-flight' THEN amount := 1; spent := 0;
          ELSE
            -- An amount counts in its own unit only: units are never converted.
            CONTINUE WHEN res.units[k] <> res.unit;
            amount := res.value;
            spent := CASE res.kinds[k] WHEN 'spend' THEN outcome_value ELSE 0 END;
        END CASE;
        IF NOT is_open THEN amount := 0; END IF;
        CONTINUE WHEN amount = 0 AND spent = 0;
        c := (c_at ->> res.ids[k])::integer;
        CONTINUE WHEN c_touched[c] = n;
        c_touched[c] := n;
        c_reserved[c] := c_reserved[c] - amount;
        c_in_flight[c] := left(res.kinds[k], 9) = 'in-flight';
        CONTINUE WHEN spent = 0;
        c_committed[c] := c_committed[c] + spent;
        CONTINUE WHEN res.windows[k] IS NULL;
        slot := floor(outcome_at * 60 / res.windows[k]);
        IF c_latest[c] IS NOT NULL THEN c_latest[c] := greatest(c_latest[c], slot); END IF;
        IF c_adding[c] IS NULL THEN
          c_adding[c] := slot;
          c_added[c] := spent;
        ELSIF c_adding[c] = slot THEN
          c_added[c] := c_added[c] + spent;
        ELSE
          c_slots[c] := sigil_window_add(c_slots[c], c_adding[c], c_added[c]);
          c_adding[c] := slot;
          c_added[c] := spent;
        END IF;
        IF c_now[c] = slot THEN c_total[c] := c_total[c] + spent; ELSE c_now[c] := NULL; END IF;
      END LOOP;
      ress[r] := res;
      ress_touched[r] := true;
      j := j + 1;
      j_at[j] := outcome_at; j_ref[j] := res.id; j_detail[j] := NULL;
      IF outcome = 'committed' THEN
        j_type[j] := 'commit'; j_unit[j] := res.unit; j_value[j] := outcome_value;
      ELSE
        j_type[j] := 'release'; j_unit[j] := NULL; j_value[j] := NULL;
      END IF;
      newest := greatest(newest, outcome_at);
    END IF;
    IF ev.type <> 'settle' THEN
      answers[n] := jsonb_build_array(res.outcome, res.unit, res.outcome_value::text, res.outcome_uses::text);
      CONTINUE;
    END IF;
    j := j + 1;
    j_at[j] := ev.at; j_type[j] := 'payment'; j_ref[j] := ev.hash; j_unit[j] := NULL; j_value[j] := NULL; j_detail[j] := ev.status;
    newest := greatest(newest, ev.at);
    IF pay.status = 'paid' THEN
      pay.paid_seq := head.seq + j;
      -- The first payee of an origin is the one that may be paid there. [case 70]
      INSERT INTO sigil_payees (origin, payee)
        SELECT pay.origin, pay.payee WHERE NOT EXISTS (SELECT FROM sigil_payees q WHERE q.origin = pay.origin);
    END IF;
    pays[p] := pay;
    pays_touched[p] := true;
    i := (intent_at ->> pay.intent)::integer;
    IF intent_open[i] = p THEN intent_open[i] := NULL; END IF;
    IF o IS NOT NULL THEN order_paid[o] := CASE pay.status WHEN 'failed' THEN NULL ELSE p END; END IF;
    answers[n] := sigil_payment_json(pay);
  END LOOP;

  FOR c IN 1..coalesce(cardinality(c_ids), 0) LOOP
    IF c_adding[c] IS NOT NULL THEN c_slots[c] := sigil_window_add(c_slots[c], c_adding[c], c_added[c]); END IF;
  END LOOP;
  -- A counter with nothing in flight needs no row: there are as many ids as origins.
  INSERT INTO sigil_counters AS s (id, committed, reserved, slots)
    SELECT t.id, t.committed, t.reserved, t.slots
      FROM unnest(c_ids, c_committed, c_reserved, c_slots, c_touched, c_in_flight) AS t(id, committed, reserved, slots, touched, in_flight)
      WHERE t.touched > 0 AND NOT (t.in_flight AND t.reserved = 0 AND t.committed = 0)
    ON CONFLICT (id) DO UPDATE SET committed = excluded.committed, reserved = excluded.reserved, slots = excluded.slots;
  IF true = ANY (c_in_flight) THEN
    DELETE FROM sigil_counters s
      USING unnest(c_ids, c_committed, c_reserved, c_in_flight) AS t(id, committed, reserved, in_flight)
      WHERE s.id = t.id AND t.in_flight AND t.reserved = 0 AND t.committed = 0;
  END IF;
  INSERT INTO sigil_reservations AS s
    SELECT t.id, t.at, t.unit, t.value, t.uses, t.ids, t.kinds, t.units, t.windows, t.outcome, t.outcome_value, t.outcome_uses
      FROM unnest(ress, ress_touched)
        AS t(id, at, unit, value, uses, ids, kinds, units, windows, outcome, outcome_value, outcome_uses, touched)
      WHERE t.touched
    ON CONFLICT (id) DO UPDATE
      SET (at, unit, value, uses, ids, kinds, units, windows, outcome, outcome_value, outcome_uses)
        = (excluded.at, excluded.unit, excluded.value, excluded.uses, excluded.ids, excluded.kinds, excluded.units,
          excluded.windows, excluded.outcome, excluded.outcome_value, excluded.outcome_uses);
  IF true = ANY (pays_touched) THEN
    INSERT INTO sigil_payments AS s
      SELECT t.hash, t.intent, t.order_key, t.origin, t.place, t.payee, t.payer, t.node_ids, t.reservation, t.unit, t.amount, t.record, t.status, t.preimage,
          t.fee, t.settled_at, t.delivered, t.closed_to, t.closed_until, t.begun_seq, t.paid_seq, t.receipted
        FROM unnest(pays, pays_touched)
          AS t(hash, intent, order_key, origin, place, payee, payer, node_ids, reservation, unit, amount, record, status, preimage,
            fee, settled_at, delivered, closed_to, closed_until, begun_seq, paid_seq, receipted, touched)
        WHERE t.touched
      ON CONFLICT (hash) DO UPDATE SET (intent, order_key, origin, place, payee, payer, node_ids, reservation, unit, amount, record, status, preimage,
          fee, settled_at, delivered, closed_to, closed_until, begun_seq, paid_seq, receipted)
        = (excluded.intent, excluded.order_key, excluded.origin, excluded.place, excluded.payee, excluded.payer, excluded.node_ids, excluded.reservation,
          excluded.unit, excluded.amount, excluded.record, excluded.status, excluded.preimage, excluded.fee, excluded.settled_at,
          excluded.delivered, excluded.closed_to, excluded.closed_until,
          excluded.begun_seq, excluded.paid_seq, excluded.receipted);
  END IF;
  INSERT INTO sigil_journal (seq, at, type, ref, unit, value, detail)
    SELECT head.seq + t.n, t.at, t.type, t.ref, t.unit, t.value, t.detail
      FROM unnest(j_at, j_type, j_ref, j_unit, j_value, j_detail) WITH ORDINALITY AS t(at, type, ref, unit, value, detail, n);
  UPDATE sigil_head SET seq = head.seq + j, directive_seq = head.directive_seq, latest = newest;
  RETURN to_jsonb(answers);
END $law$;

-- Appends receipts. Returns false, and appends nothing, unless they follow the last one.
CREATE FUNCTION sigil_append_receipts(seqs bigint[], hashes text[], digests text[], texts text[]) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  last bigint;
BEGIN
  PERFORM sigil_lock();
  last := (SELECT coalesce(max(r.seq), 0) FROM sigil_receipts r);
  IF EXISTS (SELECT FROM unnest(seqs) WITH ORDINALITY AS t(seq, n) WHERE t.seq <> last + t.n) THEN RETURN false; END IF;
  INSERT INTO sigil_receipts (seq, payment_hash, hash, text)
    SELECT t.* FROM unnest(seqs, hashes, digests, texts) AS t;
  UPDATE sigil_payments p SET receipted = true WHERE p.hash = ANY (hashes);
  RETURN true;
END $$;

-- Lifts every closure of an origin.
CREATE FUNCTION sigil_reopen(reopened text, reopened_at double precision, body text) RETURNS void LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
DECLARE
  head sigil_head := sigil_lock();
BEGIN
  UPDATE sigil_payments p SET closed_to = NULL, closed_until = NULL WHERE p.origin = reopened AND p.closed_to IS NOT NULL;
  INSERT INTO sigil_journal (seq, at, type, detail) VALUES (head.seq + 1, reopened_at, 'note', body);
  UPDATE sigil_head h SET seq = head.seq + 1, latest = greatest(h.latest, reopened_at);
END $$;

-- Replaces the texts of a payment by the same ones in another wrapping, unless they have changed. The
-- lock keeps a batch that has read the row from writing it back.
CREATE FUNCTION sigil_rewrap(rewrapped text, was text, becomes text, was_proof text, becomes_proof text) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM sigil_lock();
  UPDATE sigil_payments p SET record = becomes, preimage = becomes_proof
    WHERE p.hash = rewrapped AND p.record = was AND p.preimage IS NOT DISTINCT FROM was_proof;
  RETURN FOUND;
END $$;

-- Makes an earlier time the latest one, on the owner's word.
CREATE FUNCTION sigil_turn_back(turned_at double precision, body text) RETURNS void LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
DECLARE
  head sigil_head := sigil_lock();
BEGIN
  INSERT INTO sigil_journal (seq, at, type, detail) VALUES (head.seq + 1, turned_at, 'note', body);
  UPDATE sigil_head h SET seq = head.seq + 1, latest = turned_at;
END $$;
`;

export const sales = `
-- Sales and refunds. "seq" is given under the lock of sigil_head, so that no lower number appears
-- after a higher one was read. spec/5-ledger.md §9.
CREATE TABLE sigil_sales (
  seq bigint PRIMARY KEY,
  payment_hash text COLLATE "C" NOT NULL UNIQUE,
  node_id text NOT NULL,
  unit text NOT NULL,
  value numeric NOT NULL,
  route text NOT NULL,
  method text NOT NULL,
  path text NOT NULL,
  at double precision NOT NULL,
  ends_at double precision NOT NULL,
  told boolean NOT NULL
);
CREATE INDEX sigil_sales_at ON sigil_sales (at);
CREATE INDEX sigil_sales_untold ON sigil_sales (seq) WHERE NOT told;

-- Of sales that were summed up and removed.
CREATE TABLE sigil_sale_totals (
  day bigint NOT NULL,
  route text COLLATE "C" NOT NULL,
  unit text NOT NULL,
  sales bigint NOT NULL,
  value numeric NOT NULL,
  PRIMARY KEY (day, route, unit)
);
CREATE SEQUENCE sigil_sale_seq;

-- What was given back of a reservation, on each of its counters.
CREATE TABLE sigil_refunds (
  counter text COLLATE "C" NOT NULL,
  reservation text COLLATE "C" NOT NULL,
  value numeric NOT NULL,
  at double precision NOT NULL,
  until double precision NOT NULL,
  PRIMARY KEY (counter, reservation)
);
CREATE INDEX sigil_refunds_reservation ON sigil_refunds (reservation);
CREATE INDEX sigil_refunds_until ON sigil_refunds (until);

CREATE FUNCTION sigil_sell(sold sigil_sales) RETURNS boolean LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT FROM sigil_sales s WHERE s.payment_hash = sold.payment_hash) THEN RETURN false; END IF;
  PERFORM sigil_lock();
  sold.seq := nextval('sigil_sale_seq');
  INSERT INTO sigil_sales SELECT sold.* ON CONFLICT (payment_hash) DO NOTHING;
  RETURN FOUND;
END $$;

-- Sums up sales that are older than "older" and whose credentials ended before "ended". Returns how
-- many.
CREATE FUNCTION sigil_fold_sales(older double precision, ended double precision, many integer) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  folded integer;
BEGIN
  PERFORM sigil_lock();
  WITH gone AS (
    DELETE FROM sigil_sales s WHERE s.seq IN (
      SELECT o.seq FROM sigil_sales o WHERE o.at < older AND o.ends_at < ended AND o.told ORDER BY o.at LIMIT many
    ) RETURNING s.*
  ), added AS (
    INSERT INTO sigil_sale_totals AS t
      SELECT floor(g.at / 86400)::bigint, g.route, g.unit, count(*), sum(g.value) FROM gone g GROUP BY 1, 2, 3
      ON CONFLICT (day, route, unit) DO UPDATE SET sales = t.sales + excluded.sales, value = t.value + excluded.value
  )
  SELECT count(*) INTO folded FROM gone;
  DELETE FROM sigil_refunds r WHERE r.until < older;
  RETURN folded;
END $$;

CREATE FUNCTION sigil_refund(refunded text, counters text[], amounts numeric[], reserved_at double precision,
  ends double precision, noted_at double precision, body text)
RETURNS boolean LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  head sigil_head := sigil_lock();
BEGIN
  IF EXISTS (SELECT FROM sigil_refunds r WHERE r.reservation = refunded) THEN RETURN false; END IF;
  INSERT INTO sigil_refunds (counter, reservation, value, at, until)
    SELECT t.counter, refunded, t.amount, reserved_at, ends FROM unnest(counters, amounts) AS t(counter, amount);
  INSERT INTO sigil_journal (seq, at, type, detail) VALUES (head.seq + 1, noted_at, 'note', body);
  UPDATE sigil_head h SET seq = head.seq + 1, latest = greatest(h.latest, noted_at);
  RETURN true;
END $$;
`;
