/** Reads the rows of a long list from the store in several turns of the event loop. [case 118] */
import { nextTurn } from "../internal/timers.ts";

/** How many rows are read in one turn. */
const ROWS = 50;

/**
 * At most `limit` rows.
 *
 * @param read gives the rows that follow the last one that is known
 */
export async function sliced<Row>(
  limit: number,
  read: (last: Row | undefined, many: number) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  while (rows.length < limit) {
    const many = Math.min(ROWS, limit - rows.length);
    const more = await read(rows.at(-1), many);
    rows.push(...more);
    if (more.length < many) break;
    await nextTurn();
  }
  return rows;
}
