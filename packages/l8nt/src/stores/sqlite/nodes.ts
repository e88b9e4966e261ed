/** The directory of nodes of the SQLite store. What writes runs inside a transaction. */
import type {
  ForgottenNode,
  NodeOutline,
  NodePlace,
  NodeQuery,
  NodeRecord,
} from "../../ports/nodes.ts";
import type { Statements } from "./statements.ts";
import { textOf, valueOfText } from "./texts.ts";

/** Before every node. */
const FIRST: NodePlace = { depth: 0, metAt: 0, id: "" };

export class SqliteNodes {
  readonly #sql: Statements;

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  meet(nodes: readonly NodeRecord[]): void {
    for (const node of nodes) {
      const { id, path, metAt, validUntil } = node;
      const isNew = this.#sql.run(
        "INSERT OR IGNORE INTO nodes VALUES (?, ?, ?, ?, ?, 0, ?)",
        id,
        path.length,
        metAt,
        path.join(" "),
        validUntil ?? null,
        textOf(node),
      );
      if (isNew === 0n) continue;
      for (const ancestor of path)
        this.#sql.run(
          "INSERT OR IGNORE INTO node_paths VALUES (?, ?, ?, ?)",
          ancestor,
          path.length,
          metAt,
          id,
        );
    }
  }

  nodes({ under, after = FIRST, limit }: NodeQuery): readonly NodeRecord[] {
    const { depth, metAt, id } = after;
    const rows =
      under === undefined
        ? this.#sql.all(
            `SELECT body, unlisted FROM nodes WHERE (depth, met_at, id) > (?, ?, ?)
             ORDER BY depth, met_at, id LIMIT ?`,
            depth,
            metAt,
            id,
            limit,
          )
        : this.#sql.all(
            `SELECT n.body, n.unlisted FROM node_paths p CROSS JOIN nodes n ON n.id = p.id
             WHERE p.ancestor = ? AND (p.depth, p.met_at, p.id) > (?, ?, ?)
             ORDER BY p.depth, p.met_at, p.id LIMIT ?`,
            under,
            depth,
            metAt,
            id,
            limit,
          );
    return rows.map(({ body, unlisted }) => ({
      ...valueOfText<NodeRecord>(body),
      ...(unlisted !== 0n && { unlisted: Number(unlisted) }),
    }));
  }

  outlines({ after = FIRST, limit }: Omit<NodeQuery, "under">): readonly NodeOutline[] {
    return this.#sql
      .all(
        `SELECT id, path, met_at, ends_at FROM nodes WHERE (depth, met_at, id) > (?, ?, ?)
         ORDER BY depth, met_at, id LIMIT ?`,
        after.depth,
        after.metAt,
        after.id,
        limit,
      )
      .map((row) => ({
        id: String(row.id),
        path: String(row.path).split(" ") as unknown as NodeOutline["path"],
        metAt: Number(row.met_at),
        ...(row.ends_at !== null && { validUntil: Number(row.ends_at) }),
      }));
  }

  forget(forgotten: readonly ForgottenNode[]): void {
    for (const { id, into } of forgotten) this.#remove(id, into);
    for (const { id, into } of forgotten)
      for (const row of this.#sql.all("SELECT id FROM node_paths WHERE ancestor = ?", id))
        this.#remove(String(row.id), into);
  }

  #remove(id: string, into: string | undefined): void {
    const row = this.#sql.get("SELECT path, met_at, unlisted FROM nodes WHERE id = ?", id);
    if (row === undefined) return;
    this.#sql.run("DELETE FROM nodes WHERE id = ?", id);
    const path = String(row.path).split(" ");
    for (const ancestor of path)
      this.#sql.run(
        "DELETE FROM node_paths WHERE ancestor = ? AND depth = ? AND met_at = ? AND id = ?",
        ancestor,
        path.length,
        Number(row.met_at),
        id,
      );
    if (into !== undefined)
      this.#sql.run(
        "UPDATE nodes SET unlisted = unlisted + ? WHERE id = ?",
        Number(row.unlisted) + 1,
        into,
      );
  }
}
