
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
