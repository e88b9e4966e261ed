/** The SQLite store against disks that fail, files that are not its own, and processes that die. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { DatabaseSync as Database, StatementSync as Statement } from "node:sqlite";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { msat } from "../amount.ts";
import { auditLedger } from "../ledger/index.ts";
import type { Store } from "../ports/store.ts";
import { order, START, spend } from "../testing/store-laws.ts";
import { openSqliteStore } from "./sqlite.ts";

const sqlite = process.getBuiltinModule("node:sqlite");
const CHILD = resolve(import.meta.dirname, "fixtures/sqlite-child.ts");

function fresh(): string {
  const folder = mkdtempSync(join(tmpdir(), "sigil-faults-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "books.db");
}

async function open(path: string): Promise<Store> {
  const store = await openSqliteStore(path);
  onTestFinished(() => store.close());
  return store;
}

/** Another program's connection. */
function raw(path: string): Database {
  const database = new sqlite!.DatabaseSync(path);
  onTestFinished(() => database.close());
  return database;
}

async function refusal(path: string): Promise<string> {
  const error = await openSqliteStore(path).then(
    (store) => store.close().then(() => new Error("it was opened")),
    (reason: Error & { code?: string }) => reason,
  );
  expect(error).toMatchObject({ name: "AdapterError", code: "ERR_STORE" });
  expect(error.message).not.toContain("\n");
  return error.message;
}

const limit = spend("a", 1000n);
const failure = { name: "AdapterError", code: "ERR_STORE" };

afterEach(() => vi.restoreAllMocks());

/** Throws what SQLite would, wherever `when` says. */
function failing(when: (sql: string) => number | undefined) {
  const { exec } = sqlite!.DatabaseSync.prototype;
  vi.spyOn(sqlite!.DatabaseSync.prototype, "exec").mockImplementation(function (
    this: Database,
    sql: string,
  ) {
    const errcode = when(sql);
    if (errcode !== undefined) throw Object.assign(new Error("injected"), { errcode });
    exec.call(this, sql);
  });
}

describe.skipIf(sqlite === undefined)("opening", () => {
  test("one writer at a time, and it is said who [case 110]", async () => {
    const path = fresh();
    const store = await open(path);
    expect(await refusal(path)).toContain(`process ${process.pid} has it open`);
    const reader = await openSqliteStore(path, { readOnly: true });
    await store.note("written beside a reader", START);
    expect(await reader.journal(0, 10)).toHaveLength(1);
    await expect(reader.note("no", START)).rejects.toMatchObject(failure);
    await reader.close();
    await store.close();
    await (await open(path)).note("again", START);
  });

  test("a file that is no database, or was overwritten, is refused and not touched", async () => {
    const path = fresh();
    writeFileSync(path, "dear diary, ".repeat(1000));
    expect(await refusal(path)).toContain("no SQLite database");
    const other = fresh();
    const store = await openSqliteStore(other);
    for (let at = 0; at < 200; at++) await store.note("x".repeat(500), START);
    await store.close();
    const size = statSync(other).size;
    const { openSync, writeSync, closeSync } = process.getBuiltinModule("node:fs");
    const file = openSync(other, "r+");
    for (let page = 2; page * 4096 < size; page += 3)
      writeSync(file, Buffer.alloc(2000, 0xa5), 0, 2000, page * 4096);
    closeSync(file);
    expect(await refusal(other)).toMatch(/damaged/);
  });

  test("a truncated one is refused", async () => {
    const path = fresh();
    const store = await openSqliteStore(path);
    for (let at = 0; at < 100; at++) await store.note("x".repeat(500), START);
    await store.close();
    truncateSync(path, statSync(path).size - 3 * 4096);
    expect(await refusal(path)).toMatch(/damaged/);
  });

  test("another program's database is refused, with or without a mark of its own", async () => {
    const [plain, marked] = [fresh(), fresh()];
    raw(plain).exec("CREATE TABLE recipes (name TEXT)");
    raw(marked).exec("PRAGMA application_id = 7");
    for (const path of [plain, marked]) expect(await refusal(path)).toContain("another program's");
    expect(raw(plain).prepare("SELECT count(*) AS n FROM sqlite_schema").get()).toEqual({ n: 1 });
  });

  test("a newer schema is refused, and an older one by one that may not write", async () => {
    const path = fresh();
    await (await openSqliteStore(path)).close();
    const database = raw(path);
    database.exec("PRAGMA user_version = 99");
    expect(await refusal(path)).toContain("Use the newer version");
    database.exec("PRAGMA user_version = 1");
    await expect(openSqliteStore(path, { readOnly: true })).rejects.toThrow(
      /older than this version/,
    );
  });

  test("half a migration is refused: a table, an index or a guard that is missing", async () => {
    for (const cut of [
      "DROP TABLE vault",
      "DROP INDEX payments_open",
      "DROP TRIGGER journal_no_update",
    ]) {
      const path = fresh();
      await (await openSqliteStore(path)).close();
      raw(path).exec(cut);
      expect(await refusal(path), cut).toContain("a migration was cut");
    }
  });

  test("a folder that is not there is refused; the file is its owner's alone", async () => {
    expect(await refusal("/nowhere/at/all/books.db")).toContain("cannot be made");
    const path = fresh();
    await open(path);
    for (const file of [path, `${path}-wal`, `${path}.lock`])
      expect(statSync(file).mode & 0o077, file).toBe(0);
  });

  test("a setting that SQLite does not take is refused: nothing would be durable", async () => {
    const { exec } = sqlite!.DatabaseSync.prototype;
    vi.spyOn(sqlite!.DatabaseSync.prototype, "exec").mockImplementation(function (
      this: Database,
      sql: string,
    ) {
      if (sql !== "PRAGMA synchronous = FULL") exec.call(this, sql);
      else exec.call(this, "PRAGMA synchronous = OFF");
    });
    expect(await refusal(fresh())).toContain("synchronous");
  });

  test("a migration that is killed at any statement leaves the one before it, whole [case 110]", async () => {
    for (let at = 0; ; at++) {
      const path = fresh();
      const child = fork(CHILD, [path, String(at)], { stdio: "pipe", execArgv: ["--no-warnings"] });
      const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
      const store = await openSqliteStore(path);
      await store.note("it works", START);
      expect(await store.journal(0, 10)).toHaveLength(1);
      await store.close();
      if (signal === null) {
        expect(code).toBe(0);
        expect(at).toBeGreaterThan(40);
        break;
      }
    }
  }, 180_000);
});

describe.skipIf(sqlite === undefined)("a disk that fails [case 108]", () => {
  test("a full one denies what is new, loses nothing, and is used again when there is room", async () => {
    const path = fresh();
    const { exec } = sqlite!.DatabaseSync.prototype;
    let pages = 70;
    vi.spyOn(sqlite!.DatabaseSync.prototype, "exec").mockImplementation(function (
      this: Database,
      sql: string,
    ) {
      if (sql === "BEGIN IMMEDIATE") exec.call(this, `PRAGMA max_page_count = ${pages}`);
      exec.call(this, sql);
    });
    const store = await open(path);
    const kept: string[] = [];
    let refused: unknown;
    for (let at = 0; refused === undefined; at++) {
      const reservation = order([{ ...limit, max: 10n ** 12n }], 1n, START, `r${at}`);
      refused = await store.reserve(reservation).then(
        () => void kept.push(reservation.id),
        (error: unknown) => error,
      );
    }
    expect(refused).toMatchObject({ ...failure, message: expect.stringContaining("disk is full") });
    expect(kept.length).toBeGreaterThan(20);
    expect((await store.usage([limit], START))[0]!.used).toBe(BigInt(kept.length));
    pages = 1000;
    await store.commit(kept[0]!, msat(1n), START);
    expect((await auditLedger(store)).faults).toEqual([]);
    await store.close();
    const again = await open(path);
    expect((await again.usage([limit], START))[0]).toEqual({
      id: "a",
      used: BigInt(kept.length),
      reserved: BigInt(kept.length - 1),
    });
  });

  test.each([
    ["an I/O error in a commit", 10],
    ["an fsync that failed", 10 | (4 << 8)],
    ["a damaged page", 11],
  ])(
    "after %s nothing more is written, also not by trying again; reading goes on",
    async (_, errcode) => {
      const path = fresh();
      const store = await open(path);
      await store.reserve(order([limit], 10n, START, "before"));
      let commits = 0;
      failing((sql) => (sql === "COMMIT" && commits++ === 0 ? errcode : undefined));
      const answers = await Promise.allSettled([
        store.reserve(order([limit], 20n, START, "during")),
        store.commit("before", msat(5n), START),
      ]);
      for (const answer of answers)
        expect(answer).toMatchObject({ status: "rejected", reason: failure });
      await expect(store.commit("before", msat(5n), START)).rejects.toMatchObject(failure);
      expect(commits).toBe(1);
      expect(await store.usage([limit], START)).toEqual([{ id: "a", used: 10n, reserved: 10n }]);
      await store.close();
      vi.restoreAllMocks();
      const again = await open(path);
      await again.commit("before", msat(5n), START);
      expect(await again.usage([limit], START)).toEqual([{ id: "a", used: 5n, reserved: 0n }]);
    },
  );

  test("a disk that cannot even be read back leaves nobody waiting", async () => {
    const store = await open(fresh());
    await store.reserve(order([limit], 10n, START, "before"));
    failing((sql) => (sql === "COMMIT" ? 10 : undefined));
    // What was prepared before still answers: new statements are what reading back is made of.
    vi.spyOn(sqlite!.StatementSync.prototype, "all").mockImplementation(() => {
      throw Object.assign(new Error("injected"), { errcode: 10 });
    });
    await expect(store.commit("before", msat(5n), START)).rejects.toMatchObject(failure);
    await expect(store.commit("before", msat(5n), START)).rejects.toMatchObject(failure);
  });

  test("another program's lock denies what is new; it goes on when that is gone", async () => {
    const path = fresh();
    const store = await open(path);
    const other = raw(path);
    other.exec("BEGIN IMMEDIATE");
    await expect(store.reserve(order([limit], 1n))).rejects.toMatchObject(failure);
    expect(await store.usage([limit], START)).toEqual([{ id: "a", used: 0n, reserved: 0n }]);
    other.exec("ROLLBACK");
    await store.reserve(order([limit], 1n));
    expect((await store.usage([limit], START))[0]!.used).toBe(1n);
  });

  test("a statement that fails in the middle undoes its whole group, in memory too", async () => {
    const store = await open(fresh());
    await store.reserve(order([limit], 1n));
    // The last one fails while it is written, after the law said yes.
    const { run } = sqlite!.StatementSync.prototype;
    const spy = vi.spyOn(sqlite!.StatementSync.prototype, "run");
    spy.mockImplementation(function (this: Statement, ...values) {
      if ((values as readonly unknown[])[0] === "bad 5")
        throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
      return run.apply(this, values as never);
    });
    const answers = await Promise.allSettled([
      store.reserve(order([limit], 5n, START, "good")),
      ...[1, 2, 3, 4, 5].map((n) => store.reserve(order([spend("b")], 1n, START, `bad ${n}`))),
    ]);
    spy.mockRestore();
    for (const answer of answers)
      expect(answer).toMatchObject({ status: "rejected", reason: failure });
    expect(await store.usage([limit, spend("b")], START)).toEqual([
      { id: "a", used: 1n, reserved: 1n },
      { id: "b", used: 0n, reserved: 0n },
    ]);
    await store.reserve(order([limit], 5n, START, "good"));
    expect((await auditLedger(store)).faults).toEqual([]);
  });

  test("a file that may only be read is refused", async () => {
    const path = fresh();
    await (await openSqliteStore(path)).close();
    const { exec } = sqlite!.DatabaseSync.prototype;
    chmodSync(path, 0o400);
    // Who is root may write all the same: then SQLite itself is told not to.
    vi.spyOn(sqlite!.DatabaseSync.prototype, "exec").mockImplementation(function (
      this: Database,
      sql: string,
    ) {
      if (sql === "BEGIN IMMEDIATE") exec.call(this, "PRAGMA query_only = 1");
      exec.call(this, sql);
    });
    const store = await openSqliteStore(path).catch((error: unknown) => error);
    if (store instanceof Error) expect(store).toMatchObject(failure);
    else {
      await expect((store as Store).note("x", START)).rejects.toMatchObject(failure);
      await (store as Store).close();
    }
  });
});

describe.skipIf(sqlite === undefined)("what was written", () => {
  test("is append-only where it is history, no matter who asks", async () => {
    const path = fresh();
    const store = await open(path);
    await store.note("once", START);
    await store.addDirective({ kind: "freeze", nodeId: "*", at: START });
    const other = raw(path);
    for (const table of ["journal", "directives"])
      for (const sql of [`DELETE FROM ${table}`, `UPDATE ${table} SET at = 0`])
        expect(() => other.exec(sql)).toThrow(/append-only/);
  });

  test("and acknowledged is there after every kill [case 106]", async () => {
    const path = fresh();
    const acknowledged = { reserved: new Set<string>(), committed: new Set<string>() };
    for (let kill = 0; kill < 12; kill++) {
      const child = fork(CHILD, [path], {
        stdio: ["ignore", "pipe", "inherit", "ipc"],
        execArgv: ["--no-warnings"],
      });
      await killedAfter(child, 40 + kill * 37, acknowledged);
      const store = await openSqliteStore(path);
      expect((await auditLedger(store)).faults).toEqual([]);
      const seen = { reserved: new Set<string>(), committed: new Set<string>() };
      for (const { event } of await store.journal(0, 1_000_000)) {
        if (event.type === "reserve") seen.reserved.add(event.reservation.id);
        if (event.type === "commit") seen.committed.add(event.id);
      }
      for (const kind of ["reserved", "committed"] as const)
        expect([...acknowledged[kind]].filter((id) => !seen[kind].has(id))).toEqual([]);
      // A process that was killed holds nothing any more.
      for (const { id } of await store.abandoned(START * 2)) await store.release(id, START);
      await store.close();
      expect(raw(path).prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    }
    expect(acknowledged.committed.size).toBeGreaterThan(300);
  }, 60_000);

  test("and acknowledged survives a power cut: what was not synced is lost, or torn in the middle [case 107]", async () => {
    const path = fresh();
    const store = await open(path);
    let torn = 0x2545f491;
    for (let round = 0; round < 25; round++) {
      const ids = Array.from({ length: 5 }, (_, at) => `${round}-${at}`);
      await Promise.all(ids.map((id) => store.reserve(order([spend("a")], 1n, START, id))));
      const synced = statSync(`${path}-wal`).size;
      await Promise.all(ids.map((id) => store.commit(id, msat(1n), START)));
      const after = statSync(`${path}-wal`).size;
      const copy = fresh();
      for (const end of ["", "-wal"]) copyFileSync(path + end, copy + end);
      torn = Math.imul(torn, 1_664_525) + 1_013_904_223;
      truncateSync(`${copy}-wal`, synced + ((torn >>> 0) % (after - synced + 1)));
      const saved = await openSqliteStore(copy);
      const usage = (await saved.usage([spend("a")], START))[0]!;
      expect(usage.used).toBe(BigInt(5 * (round + 1)));
      expect((await auditLedger(saved)).faults).toEqual([]);
      await saved.close();
    }
  });
});

/** Reads what a child says, and kills it once it has said so much. */
async function killedAfter(
  child: ChildProcess,
  lines: number,
  acknowledged: { readonly reserved: Set<string>; readonly committed: Set<string> },
): Promise<void> {
  const ended = once(child, "close");
  let text = "";
  let heard = 0;
  child.stdout!.on("data", (part: Buffer) => {
    text += part;
    const whole = text.split("\n");
    text = whole.pop()!;
    for (const line of whole) {
      const [kind, id] = line.split(" ") as ["reserved" | "committed", string];
      acknowledged[kind].add(id);
    }
    heard += whole.length;
    if (heard >= lines) child.kill("SIGKILL");
  });
  await ended;
}
