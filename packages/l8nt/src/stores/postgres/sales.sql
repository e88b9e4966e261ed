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
