
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
