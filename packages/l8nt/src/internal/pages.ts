/** Reads a list that comes in pages. */
import { AdapterError } from "../errors.ts";

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | undefined;
}

/** How many rows are asked for at once by who wants all of them. */
export const WHOLE_PAGE_ROWS = 1000;
const MAX_PAGES = 10_000;

/**
 * All items of all pages.
 *
 * @param read gives the page after one that named it as its next
 * @throws AdapterError `ERR_TREASURY` for pages without an end
 */
export async function everyPage<Item extends { readonly id: string }>(
  read: (after: string | undefined) => Promise<Page<Item>>,
): Promise<readonly Item[]> {
  const all: Item[] = [];
  const known = new Set<string>();
  let after: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const { items, next } = await read(after);
    for (const item of items) all.push(item);
    if (next === undefined) return all;
    const before = known.size;
    for (const { id } of items) known.add(id);
    if (known.size === before) break;
    after = next;
  }
  throw new AdapterError(
    "ERR_TREASURY",
    "The treasury gives a tree without an end: a page that names a next one has no node that was not read before. Is there a cache or a proxy before it that ignores the query?",
  );
}
