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
