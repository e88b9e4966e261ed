/** A copy of the books beside the original must not spend a budget a second time. */
import { copyFileSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Credential } from "../l402/index.ts";
import type { BooksMark, BooksWitness } from "../ports/books-mark.ts";
import { BOOKS_FILE } from "../ports/facts.ts";
import { backupSqliteStore, openSqliteStore, restoreSqliteStore } from "../stores/sqlite.ts";
import { failure, type Shop, secretOf, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { guardedFetch, Treasury } from "./index.ts";

const sqlite = process.getBuiltinModule("node:sqlite");

let serial = 0;
const buy = (treasury: Treasury, credential: Credential, shop: Shop) =>
  treasury.buy({
    id: `order-${++serial}`.padEnd(12, "-"),
    credential: credential.toString(),
    method: "GET",
    url: `${shop.url}/${serial}`,
    headers: [],
  });
const codeOf = (work: Promise<unknown>) => failure(work).then(({ code }) => code);

/** A file, as its bytes are. */
function witness(text = ""): BooksWitness & { text: string } {
  return {
    text,
    async read() {
      return this.text === "" ? undefined : (JSON.parse(this.text) as BooksMark);
    },
    async write(mark) {
      this.text = JSON.stringify(mark);
    },
  };
}

async function start() {
  const folder = mkdtempSync(join(tmpdir(), "sigil-copied-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const world = await town();
  const shop = await world.openShop({ price: "10 sat" });
  const root = world.mint({ expiresIn: "30d" });
  const path = join(folder, "treasury.db");
  const mark = witness();
  /** A life of the treasury on a file, until `end`. */
  async function life(at = path, beside: BooksWitness | undefined = mark) {
    const store = await openSqliteStore(at);
    const treasury = new Treasury({
      secret: secretOf("the treasury"),
      location: world.treasury.location,
      wallet: devWallet(world.network.account("treasury").url),
      store,
      ...(beside !== undefined && { witness: beside }),
      fetch: guardedFetch({ allowLoopback: true }),
      clock: world.clock,
      alarm: (what) => world.alarms.push(what),
    });
    await treasury.start();
    const end = async () => {
      await treasury.stop();
      await store.close();
    };
    onTestFinished(() => store.close());
    return { store, treasury, end };
  }
  return { folder, path, mark, world, shop, root, life };
}

describe.skipIf(sqlite === undefined)("a copy of the books", () => {
  const COPIES: readonly (readonly [string, (from: string, to: string) => unknown])[] = [
    ["made by a backup", backupSqliteStore],
    ["made by the system", (from, to) => copyFileSync(from, to)],
    [
      "made by VACUUM INTO",
      (from, to) => {
        const database = new sqlite!.DatabaseSync(from, { readOnly: true });
        database.prepare("VACUUM INTO ?").run(to);
        database.close();
      },
    ],
  ];
  for (const withMark of [true, false])
    test.for(COPIES)(
      `(%s) spends nothing beside the original, ${withMark ? "with a copy of the mark" : "without a mark"}, also after a comparison and a restart, until the owner has confirmed it [case 105]`,
      async ([, copy]) => {
        const { path, mark, world, shop, root, life } = await start();
        const first = await life();
        await buy(first.treasury, root, shop);
        await first.end();
        await copy(path, `${path}.copy`);
        const beside = withMark ? witness(mark.text) : undefined;
        const original = await life();
        for (let turn = 0; turn < 2; turn++) {
          const { treasury, end } = await life(`${path}.copy`, beside);
          await treasury.reconcile();
          expect(await codeOf(buy(treasury, root, shop))).toBe("ERR_FROZEN");
          expect(await treasury.owner.health()).toMatchObject({
            spending: false,
            unexplainedPayments: 0,
            reason: expect.stringContaining("another file than before"),
          });
          await treasury.owner.thaw();
          expect(await codeOf(buy(treasury, root, shop))).toBe("ERR_FROZEN");
          await end();
        }
        await buy(original.treasury, root, shop);
        await original.end();
        expect(world.paid().count).toBe(2);
        const { treasury, end } = await life(`${path}.copy`, beside);
        for (const { paymentHash } of await treasury.owner.unexplained())
          await treasury.owner.explain(paymentHash, { as: "own" });
        await treasury.owner.confirmBooks("the original is ended");
        await buy(treasury, root, shop);
        await end();
        const last = await life(`${path}.copy`, beside);
        await buy(last.treasury, root, shop);
        await expect(last.treasury.owner.confirmBooks()).rejects.toMatchObject({
          code: "ERR_REQUEST",
        });
      },
    );
});

describe.skipIf(sqlite === undefined)("the same books", () => {
  const CHANGES: readonly (readonly [
    string,
    (path: string) => string | undefined | Promise<string | undefined>,
  ])[] = [
    ["after a restart", () => undefined],
    [
      "after a move within the file system",
      (path) => {
        renameSync(path, `${path}.moved`);
        return `${path}.moved`;
      },
    ],
    [
      "by a symbolic link",
      (path) => {
        symlinkSync(path, `${path}.link`);
        return `${path}.link`;
      },
    ],
    [
      "after a VACUUM and an incremental one",
      (path) => {
        const database = new sqlite!.DatabaseSync(path);
        database.exec("PRAGMA auto_vacuum = INCREMENTAL; VACUUM; PRAGMA incremental_vacuum");
        database.close();
        return undefined;
      },
    ],
    [
      "from before there was the number of their file",
      (path) => {
        const database = new sqlite!.DatabaseSync(path);
        database.prepare("DELETE FROM facts WHERE name = ?").run(BOOKS_FILE);
        database.close();
        return undefined;
      },
    ],
    [
      "put in place from a backup",
      async (path) => {
        await backupSqliteStore(path, `${path}.backup`);
        await restoreSqliteStore(`${path}.backup`, path);
        return undefined;
      },
    ],
    [
      "put on another disk from a backup",
      async (path) => {
        await backupSqliteStore(path, `${path}.backup`);
        await restoreSqliteStore(`${path}.backup`, `${path}.elsewhere`);
        rmSync(path);
        return `${path}.elsewhere`;
      },
    ],
  ];
  test.for(CHANGES)("spend on, without an alarm: %s [case 105]", async ([, change]) => {
    const { path, world, shop, root, life } = await start();
    let at = path;
    for (let turn = 0; turn < 3; turn++) {
      const { treasury, end } = await life(at);
      await buy(treasury, root, shop);
      await end();
      if (turn === 0) at = (await change(path)) ?? path;
    }
    expect(world.alarms).toEqual([]);
    expect(world.paid().count).toBe(3);
  });

  test("spend on where the file system makes up the number of a file at each mount", async () => {
    const { path, world, shop, root, life } = await start();
    const spy = vi.spyOn(process.getBuiltinModule("node:fs"), "statfsSync");
    onTestFinished(() => spy.mockRestore());
    for (const type of [0xff534d42, 0x65735546, -0xacb2be]) {
      spy.mockReturnValue({ type } as never);
      const { store, treasury, end } = await life();
      expect(store.file).toBeUndefined();
      await buy(treasury, root, shop);
      await end();
      copyFileSync(path, `${path}.new`);
      renameSync(`${path}.new`, path);
    }
    expect(world.alarms).toEqual([]);
  });
});
