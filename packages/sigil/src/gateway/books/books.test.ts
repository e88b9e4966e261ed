import { MemoryStore } from "l8nt/stores/memory";
import { describe, expect, test } from "vitest";
import { completion, town } from "../fixtures/town.ts";
import type { Row } from "../observer.ts";
import { usageOf } from "../usage.ts";
import { Books } from "./books.ts";
import { csv } from "./csv.ts";
import type { BooksDatabase, Statement } from "./database.ts";
import { recoverRows } from "./recover.ts";
import { idFrom, OTHERS, type Retention } from "./retention.ts";
import { openSqliteBooks } from "./sqlite.ts";
import { sumsBy } from "./sums.ts";

const NOW_MS = 1_900_000_000_000;
const DAY_MS = 86_400_000;
let made = 0;

const rowAt = (at: number, more: Partial<Row> = {}): Row => ({
  ...{ id: `${idFrom(at)}${(made++).toString(16).padStart(16, "0")}`, at, method: "POST" },
  ...{ path: "/v1/chat/completions", service: "openai", route: "/v1/chat/completions" },
  ...{ capability: "chat", lineage: ["scout"], nodeId: "node", model: "gpt-test", status: 200 },
  ...{
    end: "answered",
    code: undefined,
    wouldDeny: undefined,
    unit: "usd_micro",
    reserved: 500n,
    spent: 210n,
  },
  ...{ isEstimated: false, usage: usageOf({ input: 10, output: 20 }), price: "openai gpt-test" },
  ...{ durationMs: 12, firstByteMs: 3 },
  ...more,
});

function open(options: { database?: BooksDatabase; retention?: Retention } = {}) {
  const alarms: unknown[] = [];
  const timers: (() => void)[] = [];
  const time = { ms: NOW_MS };
  const database = options.database ?? openSqliteBooks(":memory:");
  const books = new Books({
    database,
    clock: () => time.ms / 1000,
    alarm: (what) => alarms.push(what),
    later: (_ms, act) => timers.push(act),
    ...(options.retention && { retention: options.retention }),
  });
  const turn = async (): Promise<void> => {
    for (const act of timers.splice(0)) act();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const all = async (sql = "SELECT * FROM gateway_requests ORDER BY id") =>
    database.read({ sql, values: [] });
  return { books, database, alarms, timers, time, turn, all };
}

test("sat are never added to dollars", async () => {
  const { books, database, turn } = open();
  books.settled(rowAt(NOW_MS));
  books.settled(rowAt(NOW_MS, { unit: "msat", reserved: 9000n, spent: 7000n }));
  await turn();
  expect(await sumsBy(database, ["agent"])).toMatchObject([
    { spentUsdMicro: 210n, spentMsat: 7000n, requests: 2n },
  ]);
});

describe("a row of the books", () => {
  test("says what a request was, whose it was and what it cost", async () => {
    const { books, turn, all } = open();
    books.settled(rowAt(NOW_MS, { lineage: ["scout", "aide"] }));
    await turn();
    expect(await all()).toMatchObject([
      {
        ...{ at: NOW_MS, day: "2030-03-17", ended: "answered", agent: "scout > aide" },
        ...{ reserved: 500, spent: 210, estimated: 0, input: 10, output: 20, path: null },
        ...{ model: "gpt-test", price: "openai gpt-test", duration_ms: 12, first_byte_ms: 3 },
      },
    ]);
  });

  test("is in the file in the turn in which its request is opened, and ended in a later one", async () => {
    const { books, turn, all, timers } = open();
    const row = rowAt(NOW_MS, { end: "open", spent: undefined, status: undefined });
    books.opened(row);
    await turn();
    expect(await all()).toMatchObject([{ ended: "open", spent: null, reserved: 500 }]);
    books.settled({ ...row, end: "gone", spent: 40n, isEstimated: true });
    expect(timers).toHaveLength(1);
    await turn();
    expect(await all()).toMatchObject([{ ended: "gone", spent: 40, estimated: 1 }]);
  });

  test.each([
    ["NUL, which Postgres refuses", "gpt\0x", "gpt\\u{0}x"],
    ["half of a surrogate pair", "gpt\ud800", "gpt\\u{d800}"],
    ["a direction mark", "gpt\u202eslld", "gpt\\u{202e}slld"],
    ["a credential", `sk-sigil-${"A".repeat(80)}`, "(not shown)"],
    ["more than a name", "model ".repeat(1000), "model ".repeat(34).slice(0, 200)],
  ])("holds a name of a model with %s as text that harms nobody", async (_what, model, text) => {
    const { books, turn, all } = open();
    books.denied(rowAt(NOW_MS, { model, end: "denied", spent: undefined }));
    await turn();
    expect(await all()).toMatchObject([{ model: text }]);
  });
});

describe("books that cannot be written", () => {
  test("keep their rows until they can, tell the operator once, and throw nothing", async () => {
    const inner = openSqliteBooks(":memory:");
    const broken = { is: true };
    const database: BooksDatabase = {
      shared: false,
      write: (statements: readonly Statement[]) => {
        if (broken.is) throw new Error("disk full");
        return inner.write(statements);
      },
      read: (statement) => inner.read(statement),
      close: () => inner.close(),
    };
    const { books, turn, all, alarms } = open({ database });
    books.opened(rowAt(NOW_MS, { end: "open" }));
    books.settled(rowAt(NOW_MS));
    for (let times = 0; times < 3; times++) await turn();
    expect(alarms).toHaveLength(1);
    for (let times = 0; times < 21_000; times++) books.settled(rowAt(NOW_MS));
    expect(alarms).toHaveLength(2);
    broken.is = false;
    for (let times = 0; times < 45; times++) await turn();
    expect((await all("SELECT COUNT(*) AS count FROM gateway_requests"))[0]!.count).toBe(20_000);
  });

  test("write what waits when they are closed", async () => {
    const folder = openSqliteBooks(":memory:");
    const database = { ...bound(folder), close: async () => {} };
    const { books, all } = open({ database });
    for (let times = 0; times < 1_200; times++) books.settled(rowAt(NOW_MS));
    await books.close();
    expect((await all("SELECT COUNT(*) AS count FROM gateway_requests"))[0]!.count).toBe(1_200);
  });
});

const bound = (database: BooksDatabase): BooksDatabase => ({
  shared: database.shared,
  write: (statements) => database.write(statements),
  read: (statement) => database.read(statement),
  close: () => database.close(),
});

describe("the books grow to a bound", () => {
  const total = async (database: BooksDatabase) => {
    const [sum] = await sumsBy(database, ["service"]);
    return [sum!.requests, sum!.spentUsdMicro, sum!.output];
  };

  test("rows older than they are kept become totals of their day, and every sum stays", async () => {
    const { books, database, turn, all, time } = open({ retention: { days: 2, rows: 10_000 } });
    for (let at = 0; at < 1_300; at++)
      books.settled(rowAt(NOW_MS, { model: `gpt-${at % 3}`, isEstimated: at % 2 === 0 }));
    books.opened(rowAt(NOW_MS, { end: "open", spent: undefined, usage: undefined }));
    for (let times = 0; times < 5; times++) await turn();
    const before = await total(database);
    expect(before).toEqual([1_301n, 273_000n, 26_000n]);
    time.ms += 3 * DAY_MS;
    for (let times = 0; times < 6; times++) {
      books.settled(rowAt(time.ms, { spent: 0n, usage: undefined }));
      await turn();
    }
    expect(await total(database)).toEqual([1_307n, 273_000n, 26_000n]);
    // One that is open stays: what it comes to is not known.
    expect(await all("SELECT DISTINCT day, ended FROM gateway_requests ORDER BY day")).toEqual([
      { day: "2030-03-17", ended: "open" },
      { day: "2030-03-20", ended: "answered" },
    ]);
    expect(await sumsBy(database, ["day"], { to: "2030-03-17" })).toMatchObject([
      { keys: ["2030-03-17"], requests: 1_301n, estimated: 650n },
    ]);
  });

  test("dollars and bitcoin are never added to each other", async () => {
    const { books, database, turn } = open();
    books.settled(rowAt(NOW_MS, { unit: "msat", spent: 1_000n }));
    books.settled(rowAt(NOW_MS));
    await turn();
    expect(await sumsBy(database, ["service"])).toMatchObject([
      { requests: 2n, spentUsdMicro: 210n, spentMsat: 1_000n },
    ]);
  });

  test("more rows than are kept become totals, the oldest first", async () => {
    const { books, database, turn, all, time } = open({ retention: { days: 90, rows: 1_000 } });
    for (let at = 0; at < 2_500; at++) books.settled(rowAt(NOW_MS + at));
    for (let times = 0; times < 12; times++) {
      time.ms += 61_000;
      books.settled(rowAt(time.ms, { spent: 0n, usage: undefined }));
      await turn();
    }
    const [{ count, first }] = (await all(
      "SELECT COUNT(*) AS count, MIN(at) AS first FROM gateway_requests",
    )) as [{ count: number; first: number }];
    expect(count).toBeLessThanOrEqual(1_001);
    expect(first).toBeGreaterThan(NOW_MS + 1_400);
    expect(await total(database)).toEqual([2_512n, 525_000n, 50_000n]);
  });

  test("a day of any number of names has a bounded number of totals", async () => {
    const { books, database, turn, all, time } = open({ retention: { days: 1, rows: 100_000 } });
    for (let at = 0; at < 4_000; at++) books.settled(rowAt(NOW_MS, { model: `gpt-${at}` }));
    for (let times = 0; times < 10; times++) await turn();
    time.ms += 3 * DAY_MS;
    for (let times = 0; times < 12; times++) {
      books.settled(rowAt(time.ms, { spent: 0n }));
      await turn();
    }
    const days = await all("SELECT * FROM gateway_days");
    expect(days.length).toBeLessThan(1_600);
    expect(days.some(({ model }) => model === OTHERS)).toBe(true);
    expect((await total(database))[1]).toBe(840_000n);
  });

  test("denials without a credential are counted, and a flood of them has no rows", async () => {
    const { books, database, turn, all } = open();
    const flood = { nodeId: undefined, lineage: [], end: "denied", spent: undefined } as const;
    for (let times = 0; times < 5_000; times++) books.denied(rowAt(NOW_MS, flood));
    books.denied(rowAt(NOW_MS, { end: "denied", spent: undefined, code: "budget_exhausted" }));
    for (let times = 0; times < 12; times++) await turn();
    expect((await all()).length).toBe(601);
    expect(await sumsBy(database, ["service"])).toMatchObject([{ requests: 0n, denied: 5_001n }]);
    // They are nobody's, and not the root's.
    const byAgent = await sumsBy(database, ["agent"]);
    expect(Object.fromEntries(byAgent.map(({ keys, denied }) => [keys[0], denied]))).toEqual({
      "(no key)": 5_000n,
      scout: 1n,
    });
  });
});

describe("rows that a dead process left open", () => {
  test.each([
    ["was not ended", { end: "recovered", spent: 500, estimated: 1 }],
    ["was committed", { end: "recovered", spent: 210, estimated: 1 }],
    ["was released", { end: "recovered", spent: 0, estimated: 0 }],
    ["was never made", { end: "recovered", spent: 0, estimated: 0 }],
  ])("have what the ledger charged: the reservation %s", async (fate, { spent, estimated }) => {
    const { books, database, turn, all } = open();
    const store = new MemoryStore({ journal: true });
    const row = rowAt(NOW_MS, { end: "open", spent: undefined });
    books.opened(row);
    await turn();
    const id = `use.service.0123456789abcdef.${row.id}`;
    const amount = (value: bigint) => ({ unit: "usd_micro", value }) as const;
    const at = NOW_MS / 1000;
    for (let other = 0; other < 1_000; other++) {
      const reservation = { id: `use.service.x.${other}`, at: at - 10_000 + other };
      await store.reserve({ ...reservation, amount: amount(1n), uses: 1n, counted: [] });
    }
    if (fate !== "was never made")
      await store.reserve({ id, at, amount: amount(500n), uses: 1n, counted: [] });
    if (fate === "was committed") await store.commit(id, amount(210n), at + 1);
    if (fate === "was released") await store.release(id, at + 1);
    // As the paywall does it when it is ready.
    if (fate === "was not ended") await store.commit(id, amount(500n), at + 60);
    expect(await recoverRows({ database, journal: store, now: at + 60 })).toBe(1);
    expect(await all()).toMatchObject([{ ended: "recovered", spent, estimated }]);
    expect(await recoverRows({ database, journal: store, now: at + 60 })).toBe(0);
  });

  test("have the sum of their reservations, of which a WebSocket has one for each minute", async () => {
    const { books, database, turn, all } = open();
    const store = new MemoryStore({ journal: true });
    const row = rowAt(NOW_MS, { end: "open", spent: undefined });
    books.opened(row);
    await turn();
    const at = NOW_MS / 1000;
    const ids = ["", "-1", "-2"].map((part) => `use.service.0123456789abcdef.${row.id}${part}`);
    for (const id of ids) {
      const amount = { unit: "usd_micro", value: 500n } as const;
      await store.reserve({ id, at, amount, uses: 1n, counted: [] });
      await store.commit(id, amount, at + 60);
    }
    expect(await recoverRows({ database, journal: store, now: at + 60 })).toBe(1);
    expect(await all()).toMatchObject([{ ended: "recovered", spent: 1500, estimated: 1 }]);
  });

  test("of other gateways on one ledger stay open while their reservation does", async () => {
    const { books, database, turn } = open();
    const store = new MemoryStore({ journal: true });
    const row = rowAt(NOW_MS, { end: "open", spent: undefined });
    books.opened(row);
    await turn();
    const shared = { ...bound(database), shared: true };
    const at = NOW_MS / 1000;
    const recover = (now: number) => recoverRows({ database: shared, journal: store, now });
    // It may be about to be reserved.
    expect(await recover(at + 1)).toBe(0);
    const id = `use.service.0123456789abcdef.${row.id}`;
    const amount = { unit: "usd_micro", value: 500n } as const;
    await store.reserve({ id, at, amount, uses: 1n, counted: [] });
    expect(await recover(at + 100_000)).toBe(0);
    await store.commit(id, amount, at + 1_000);
    expect(await recover(at + 100_001)).toBe(1);
  });
});

test("names that a spreadsheet would run are texts in CSV", () => {
  // OWASP, CSV injection: cells that begin with one of these.
  const dangerous = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"];
  const [line] = csv([[...dangerous, "gpt-4.1", 12n, 'say "hi", you']]).split("\r\n");
  for (const text of dangerous) expect(line).toContain(`'${text}`);
  expect(line).toMatch(/,gpt-4\.1,12,"say ""hi"", you"$/);
});

test("the rows of requests through a gateway sum up to what the ledger counts", async () => {
  const store = new MemoryStore({ journal: true });
  const database = openSqliteBooks(":memory:");
  const books = new Books({ database, clock: () => NOW_MS / 1000, alarm: () => {} });
  const world = await town({ store, observers: [books] });
  const root = world.mint();
  const scout = root.delegate({ agent: "scout", budget: "0.002 usd" });
  world.play((_request, answer) => {
    if (world.seen.length % 3 === 0) return answer.destroy();
    return answer.writeHead(200, { "content-type": "application/json" }).end(completion(10, 20));
  });
  for (let times = 0; times < 12; times++)
    await (await world.chat(times % 2 === 0 ? scout : root)).text();
  await (await world.chat("sk-0123")).text();
  await expect
    .poll(async () => (await sumsBy(database, ["service"]))[0]?.denied)
    .toBeGreaterThan(0n);
  const byAgent = await sumsBy(database, ["agent"]);
  const all = byAgent.reduce((sum, { spentUsdMicro }) => sum + spentUsdMicro, 0n);
  expect(await world.usage(root)).toEqual([[all, 0n]]);
  const scouts = byAgent.find(({ keys }) => keys[0] === "scout")!;
  expect((await world.usage(scout))[1]).toEqual([scouts.spentUsdMicro, 0n]);
});
