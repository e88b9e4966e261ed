import { expect, test } from "vitest";
import { everyPage } from "./pages.ts";

/** Reads pages that `pageAt` gives by the number of pages that were asked for before. */
async function readAll(pageAt: (asked: number) => { ids: string[]; next?: string }) {
  const afters: (string | undefined)[] = [];
  const reading = everyPage(async (after) => {
    const { ids, next } = pageAt(afters.length);
    afters.push(after);
    return { items: ids.map((id) => ({ id })), next };
  });
  return reading.then(
    (items) => ({ ids: items.map(({ id }) => id), afters, error: undefined }),
    (error: unknown) => ({ ids: [], afters, error }),
  );
}

test("pages are read until one names no next, in order", async () => {
  const pages = [{ ids: ["a", "b"], next: "1" }, { ids: ["b", "c"], next: "2" }, { ids: [] }];
  const { ids, afters } = await readAll((asked) => pages[asked]!);
  expect(ids).toEqual(["a", "b", "b", "c"]);
  expect(afters).toEqual([undefined, "1", "2"]);
  expect((await readAll(() => ({ ids: [] }))).ids).toEqual([]);
});

test.each<[string, (asked: number) => { ids: string[]; next: string }, number]>([
  ["the same page each time", () => ({ ids: ["a"], next: "1" }), 2],
  ["no items, and the same next", () => ({ ids: [], next: "1" }), 1],
  ["no items, and always another next", (asked) => ({ ids: [], next: String(asked) }), 1],
  ["two pages in turn", (asked) => ({ ids: [String(asked % 2)], next: String(asked % 2) }), 3],
  ["the same items, and always another next", (n) => ({ ids: ["a"], next: String(n) }), 2],
  ["always another item", (asked) => ({ ids: [String(asked)], next: String(asked) }), 10_000],
])("pages without an end are ERR_TREASURY: %s", async (_what, pageAt, pages) => {
  const { error, afters } = await readAll(pageAt);
  expect(error).toMatchObject({ name: "AdapterError", code: "ERR_TREASURY" });
  expect(afters).toHaveLength(pages);
});
