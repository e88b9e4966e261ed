/**
 * Directives reach the other processes, even one that had lost its connection for a while.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { START } from "../../packages/l8nt/src/testing/store-laws.ts";
import { Books } from "./support/books.ts";

let books: Books;

beforeEach(() => {
  books = new Books();
});

afterEach(() => books.close());

const freeze = { kind: "freeze", nodeId: "*", at: START } as const;

/** A listener whose calls can be waited for, one by one. */
function calls() {
  let heard = 0;
  let onCall = () => {};
  return {
    listener: () => {
      heard++;
      onCall();
    },
    get heard() {
      return heard;
    },
    async until(times: number): Promise<void> {
      while (heard < times)
        await new Promise<void>((done) => {
          onCall = done;
        });
    },
  };
}

/** The connections of this test's schema, which have its name in their URL. */
const listeners = (schema: string) =>
  `SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN sigil_directive' AND application_name = '${schema}'`;

test("each directive calls the listeners of other processes at once [case 111]", async () => {
  const [one, two] = [await books.open(), await books.open()];
  const first = calls();
  const second = calls();
  one.onDirective!(first.listener);
  one.onDirective!(second.listener);
  await first.until(1);
  await two.addDirective(freeze);
  await Promise.all([first.until(2), second.until(2)]);
  await one.addDirective(freeze);
  await first.until(3);
  expect(await one.directives(0)).toHaveLength(2);
});

test("a directive in another schema calls no listener here", async () => {
  const elsewhere = new Books();
  try {
    const store = await books.open();
    const own = calls();
    store.onDirective!(own.listener);
    await own.until(1);
    await (await elsewhere.open()).addDirective(freeze);
    await store.addDirective(freeze);
    // They are told in the order of their commits, so the other would have come first.
    await own.until(2);
    expect(await store.directives(0)).toHaveLength(1);
    expect(own.heard).toBe(2);
  } finally {
    await elsewhere.close();
  }
});

test("a listener that lost its connection is called when it has one again, and for later directives", async () => {
  const [store, other] = [await books.open(), await books.open()];
  const own = calls();
  store.onDirective!(own.listener);
  await own.until(1);
  const [backend] = await books.sql<{ pid: number }>(listeners(books.schema));
  await books.sql("SELECT pg_terminate_backend($1)", [backend!.pid]);
  await other.addDirective(freeze);
  await own.until(2);
  expect(await store.directives(0)).toHaveLength(1);
  const before = own.heard;
  await other.addDirective(freeze);
  await own.until(before + 1);
});

test("a listener that ended is not called again, and the last one closes the connection", async () => {
  const [store, other] = [await books.open(), await books.open()];
  const [own, stays] = [calls(), calls()];
  const end = store.onDirective!(own.listener);
  const endLast = other.onDirective!(stays.listener);
  await Promise.all([own.until(1), stays.until(1)]);
  end();
  const heard = own.heard;
  await store.addDirective(freeze);
  await stays.until(2);
  expect(own.heard).toBe(heard);
  endLast();
  await Promise.all([store.close(), other.close()]);
  // Its server process may outlive the connection by a moment.
  while ((await books.sql(listeners(books.schema))).length > 0);
});
