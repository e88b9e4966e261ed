
-- What was folded of the journal. "body" is the checkpoint, as JSON; what has to be read under the
-- lock of sigil_head stands there. spec/5-ledger.md §6.
CREATE TABLE sigil_checkpoint (one boolean PRIMARY KEY DEFAULT true CHECK (one), body text);
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

-- Writes what ledger/fold.ts made of the entries after "expected". Returns how many counters were
-- deleted; null, with nothing changed, if another process has folded them meanwhile.
CREATE FUNCTION sigil_fold(
  expected bigint, through bigint, body text, removed bigint[], dropped text[],
  carried_ids text[], carried_entries bigint[], carried_released bigint[],
  ended_ids text[], ended_ats double precision[],
  counter_ids text[], counter_added numeric[], counter_ends double precision[],
  ended_by double precision, most integer
) RETURNS integer LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  head sigil_head := sigil_lock();
  gone integer;
  until double precision;
BEGIN
  IF head.folded <> expected THEN RETURN NULL; END IF;
  IF sigil_fold.through > expected THEN
    UPDATE sigil_head h SET folded = sigil_fold.through;
    UPDATE sigil_checkpoint c SET body = sigil_fold.body;
    DELETE FROM sigil_reservations r USING unnest(ended_ids, ended_ats) AS t(id, at)
      WHERE r.id = t.id AND r.at = t.at AND r.outcome IS NOT NULL;
    DELETE FROM sigil_carried c WHERE c.id = ANY (dropped);
    INSERT INTO sigil_carried AS c
      SELECT t.* FROM unnest(carried_ids, carried_entries, carried_released) AS t(id, entry, released)
      ON CONFLICT (id) DO UPDATE SET entry = excluded.entry, released = excluded.released;
    DELETE FROM sigil_journal j WHERE j.seq = ANY (removed);
    UPDATE sigil_counters s SET folded = s.folded + t.added, ends = greatest(s.ends, t.ends)
      FROM unnest(counter_ids, counter_added, counter_ends) AS t(id, added, ends) WHERE s.id = t.id;
  END IF;
  -- Counters at which nothing stands, and those whose limit has ended.
  WITH ended AS (
    SELECT s.id FROM sigil_counters s WHERE s.ends < 'Infinity' AND s.ends <= ended_by AND s.reserved = 0
    ORDER BY s.ends LIMIT most
  ), deleted AS (
    DELETE FROM sigil_counters s
      WHERE s.reserved = 0
        AND (s.id = ANY (counter_ids) AND s.committed = 0 OR s.id IN (SELECT e.id FROM ended e))
      RETURNING s.committed, s.ends
  )
  SELECT count(*), max(d.ends) FILTER (WHERE d.committed <> 0) INTO gone, until FROM deleted d;
  UPDATE sigil_head h SET forgotten_until = until WHERE until > h.forgotten_until;
  RETURN gone;
END $$;
