/** The directory of nodes of the Postgres store. */
import type {
  ForgottenNode,
  NodeOutline,
  NodePlace,
  NodeQuery,
  NodeRecord,
} from "../../ports/nodes.ts";
import { decodeNode, stringify } from "./codec.ts";
import type { Database } from "./database.ts";

/** Before every node. */
const FIRST: NodePlace = { depth: 0, metAt: 0, id: "" };

export class PostgresNodes {
  readonly #database: Database;
  /** The schema, quoted. */
  readonly #in: string;

  constructor(database: Database, schema: string) {
    this.#database = database;
    this.#in = schema;
  }

  async meet(nodes: readonly NodeRecord[]): Promise<void> {
    // In the order of their ids, so that two processes that write the same nodes cannot deadlock.
    await this.#database.write(
      `INSERT INTO ${this.#in}.sigil_nodes (id, path, depth, met_at, ends_at, record)
         SELECT id, path, cardinality(path), met_at, ends_at, record
           FROM jsonb_to_recordset($1::jsonb) AS t(id text, path text[], met_at double precision,
             ends_at double precision, record text, n integer)
           ORDER BY id COLLATE "C", n
       ON CONFLICT DO NOTHING`,
      [
        JSON.stringify(
          nodes.map((node, n) => ({
            id: node.id,
            path: node.path,
            met_at: node.metAt,
            ends_at: node.validUntil ?? null,
            record: stringify(node),
            n,
          })),
        ),
      ],
    );
  }

  async nodes({ under, after = FIRST, limit }: NodeQuery): Promise<readonly NodeRecord[]> {
    const rows = await this.#database.read<{ record: string; unlisted: number }>(
      `SELECT record, unlisted FROM ${this.#in}.sigil_nodes
       WHERE (depth, met_at, id) > ($1, $2, $3) ${under === undefined ? "" : "AND path @> ARRAY[$5::text]"}
       ORDER BY depth, met_at, id LIMIT $4`,
      [after.depth, after.metAt, after.id, limit, ...(under === undefined ? [] : [under])],
    );
    return rows.map(({ record, unlisted }) => ({
      ...decodeNode(record),
      ...(unlisted > 0 && { unlisted }),
    }));
  }

  async outlines({
    after = FIRST,
    limit,
  }: Omit<NodeQuery, "under">): Promise<readonly NodeOutline[]> {
    const rows = await this.#database.read<{
      id: string;
      path: NodeOutline["path"];
      metAt: number;
      validUntil: number | null;
    }>(
      `SELECT id, path, met_at AS "metAt", ends_at AS "validUntil" FROM ${this.#in}.sigil_nodes
       WHERE (depth, met_at, id) > ($1, $2, $3) ORDER BY depth, met_at, id LIMIT $4`,
      [after.depth, after.metAt, after.id, limit],
    );
    return rows.map(({ validUntil, ...row }) => ({
      ...row,
      ...(validUntil !== null && { validUntil }),
    }));
  }

  async forget(forgotten: readonly ForgottenNode[]): Promise<void> {
    // Two treasuries may forget the same node at once: the one that deletes it counts it.
    await this.#database.write(
      `WITH asked AS (
         SELECT * FROM jsonb_to_recordset($1::jsonb) AS t(id text, above text)
       ), named AS (
         DELETE FROM ${this.#in}.sigil_nodes n USING asked
           WHERE n.id = asked.id RETURNING asked.above, n.unlisted + 1 AS amount
       ), below AS (
         DELETE FROM ${this.#in}.sigil_nodes n USING asked
           WHERE n.path @> ARRAY[asked.id] AND n.id <> ALL (ARRAY(SELECT id FROM asked))
           RETURNING asked.above, n.unlisted + 1 AS amount
       )
       UPDATE ${this.#in}.sigil_nodes n SET unlisted = n.unlisted + g.amount
         FROM (SELECT above, sum(amount) AS amount
               FROM (SELECT * FROM named UNION ALL SELECT * FROM below) gone GROUP BY above) g
         WHERE n.id = g.above`,
      [JSON.stringify(forgotten.map(({ id, into }) => ({ id, above: into ?? null })))],
    );
  }
}
