/** Two processes on one SQLite file, by any name: one of them writes, and a limit is one limit. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { msat } from "../amount.ts";
import { auditLedger } from "../ledger/index.ts";
import { openSqliteStore } from "./sqlite.ts";

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;
const SPENDER = resolve(import.meta.dirname, "fixtures/sqlite-spender.ts");

function fresh(): string {
  const folder = mkdtempSync(join(tmpdir(), "sigil-writers-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "treasury.db");
}

interface Answer {
  readonly opened?: true;
  readonly reserved?: boolean;
  readonly code?: string;
  readonly message?: string;
}

/** Another process, and what it said of its start. */
async function spender(path: string) {
  const child: ChildProcess = fork(SPENDER, [path], {
    execArgv: ["--no-warnings", "--conditions=l8nt-source"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const answer = async () => (await once(child, "message"))[0] as Answer;
  const start = await answer();
  let serial = 0;
  return {
    start,
    spend: () => {
      child.send(`${child.pid}-${serial++}`);
      return answer();
    },
  };
}

const refused = { code: "ERR_STORE" };

describe.skipIf(!hasSqlite)("a second process on the same books", () => {
  const names: readonly [string, (path: string) => string][] = [
    [
      "a symbolic link",
      (path) => {
        const link = join(dirname(path), "link.db");
        symlinkSync(path, link);
        return link;
      },
    ],
    [
      "a symbolic link to its folder",
      (path) => {
        const folder = mkdtempSync(join(tmpdir(), "sigil-elsewhere-"));
        onTestFinished(() => rmSync(folder, { recursive: true }));
        symlinkSync(dirname(path), join(folder, "there"));
        return join(folder, "there", "treasury.db");
      },
    ],
    [
      "a path with dots",
      (path) => {
        mkdirSync(join(dirname(path), "below"));
        return `${dirname(path)}/below/../treasury.db`;
      },
    ],
    [
      "an open file of this process",
      (path) => {
        const file = openSync(path, "r");
        onTestFinished(() => closeSync(file));
        return `/proc/${process.pid}/fd/${file}`;
      },
    ],
  ];

  test.for(names)("is refused by the lock, when it names them by %s", async ([, another]) => {
    const path = fresh();
    const first = await spender(path);
    expect(first.start).toEqual({ opened: true });
    const second = await spender(another(path));
    expect(second.start).toMatchObject(refused);
    expect(second.start.message).toContain("has it open, and one writes at a time");
    expect(await first.spend()).toEqual({ reserved: true });
  });

  test("is refused at a hard link, which has a log of its own, and is told what to do", async () => {
    const path = fresh();
    const first = await spender(path);
    const link = join(dirname(path), "hard.db");
    linkSync(path, link);
    const second = await spender(link);
    expect(second.start).toMatchObject(refused);
    expect(second.start.message).toMatch(/2 names.*hard links.*remove/i);
    await expect(openSqliteStore(link, { readOnly: true })).rejects.toThrow(/hard links/);
    expect(await first.spend()).toEqual({ reserved: true });
  });

  test("stops the first one for good after the lock file is removed, and the limit holds", async () => {
    const path = fresh();
    const first = await spender(path);
    for (let at = 0; at < 4; at++) expect(await first.spend()).toEqual({ reserved: true });
    rmSync(`${path}.lock`);
    const second = await spender(path);
    expect(second.start).toEqual({ opened: true });
    for (let at = 0; at < 2; at++) {
      const answer = await first.spend();
      expect(answer).toMatchObject(refused);
      expect(answer.message).toContain("another process has opened these books");
    }
    for (let at = 0; at < 6; at++) expect(await second.spend()).toEqual({ reserved: true });
    expect(await second.spend()).toEqual({ reserved: false });
    expect(await first.spend()).toMatchObject(refused);
    expect(await second.spend()).toEqual({ reserved: false });
    const books = await openSqliteStore(path, { readOnly: true });
    expect((await auditLedger(books)).faults).toEqual([]);
    expect(await books.counters("", 10)).toEqual([{ id: "budget", committed: 100n, reserved: 0n }]);
    await books.close();
  });

  const replaced: readonly [string, (path: string) => void][] = [
    ["moved away, with its log", (path) => renameSync(path, `${path}.old`)],
    [
      "replaced by a copy",
      (path) => {
        copyFileSync(path, `${path}.new`);
        renameSync(`${path}.new`, path);
      },
    ],
    [
      "given another name, by a hard link, and the first one is removed",
      (path) => {
        linkSync(path, `${path}.hard`);
        rmSync(path);
      },
    ],
  ];

  test.for(replaced)(
    "cannot be: the writer stops for good once its file is %s",
    async ([, change]) => {
      const path = fresh();
      const first = await spender(path);
      expect(await first.spend()).toEqual({ reserved: true });
      change(path);
      for (let at = 0; at < 2; at++) {
        const answer = await first.spend();
        expect(answer).toMatchObject(refused);
        expect(answer.message).toMatch(/moved or replaced/);
      }
    },
  );

  test("lets the first one know before a payment leaves", async () => {
    const path = fresh();
    const first = await openSqliteStore(path);
    onTestFinished(() => first.close());
    await first.held!();
    rmSync(`${path}.lock`);
    await spender(path);
    for (let at = 0; at < 2; at++)
      await expect(first.held!()).rejects.toThrow(/another process has opened these books/);
    await expect(first.note("too late", 1)).rejects.toThrow(/another process has opened/);
  });

  test("may read beside the writer, and does not stop it", async () => {
    const path = fresh();
    const first = await spender(path);
    await first.spend();
    const reader = await openSqliteStore(path, { readOnly: true });
    expect(await reader.counters("", 10)).toEqual([{ id: "budget", committed: 10n, reserved: 0n }]);
    expect(await first.spend()).toEqual({ reserved: true });
    await reader.close();
    expect(await first.spend()).toEqual({ reserved: true });
  });

  test("opens them once the first one has ended, however that ended", async () => {
    const path = fresh();
    const store = await openSqliteStore(path);
    await store.reserve({
      id: "one",
      at: 1_900_000_000,
      amount: msat(1n),
      uses: 0n,
      counted: [],
    });
    await store.close();
    const next = await spender(path);
    expect(await next.spend()).toEqual({ reserved: true });
  });
});
