/** Reads a list that comes in pages. */

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | undefined;
}

/** How many rows are asked for at once by who wants all of them. */
export const WHOLE_PAGE_ROWS = 1000;

/**
 * All items of all pages.
 *
 * @param read gives the page after one that named it as its next
 */
export async function everyPage<Item>(
  read: (after: string | undefined) => Promise<Page<Item>>,
): Promise<readonly Item[]> {
  const all: Item[] = [];
  let after: string | undefined;
  do {
    const { items, next } = await read(after);
    for (const item of items) all.push(item);
    // A list that says the same twice would never end.
    if (next === after) break;
    after = next;
  } while (after !== undefined);
  return all;
}
