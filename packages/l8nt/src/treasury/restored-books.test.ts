/** Books that were restored from a backup are noticed by a mark outside of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Credential } from "../l402/index.ts";
import type { BooksMark, BooksWitness } from "../ports/books-mark.ts";
import { exportReceipts, ReceiptSigner, verifyExport } from "../receipt/index.ts";
import { backupSqliteStore, openSqliteStore, restoreSqliteStore } from "../stores/sqlite.ts";
import { failure, type Shop, secretOf, type Town, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { guardedFetch, Treasury, type TreasuryOptions } from "./index.ts";

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;

/** A file, as its bytes are. */
function witness(): BooksWitness & { text: string } {
  return {
    text: "",
    async read() {
      return this.text === "" ? undefined : (JSON.parse(this.text) as BooksMark);
    },
    async write(mark) {
      this.text = JSON.stringify(mark);
    },
  };
}

const SEED = new Uint8Array(32).fill(9);
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

/** Puts a backup of the books in a place of its own. */
async function restorable(path: string, to: string): Promise<void> {
  await backupSqliteStore(path, `${to}.taken`);
  await restoreSqliteStore(`${to}.taken`, to);
}

/** The wallet, without a list of its payments. */
function unlisted(world: Town) {
  const { paidSince: _, ...wallet } = devWallet(world.network.account("treasury").url);
  return wallet;
}

async function start(options: (world: Town) => Partial<TreasuryOptions> = () => ({})) {
  const folder = mkdtempSync(join(tmpdir(), "sigil-restored-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const mark = witness();
  const world = await town();
  const shop = await world.openShop({ price: "10 sat" });
  const root = world.mint({ expiresIn: "30d" });
  /** A life of the treasury on a file, until `end`. */
  async function life(name: string) {
    const path = join(folder, name);
    const store = await openSqliteStore(path);
    const treasury = new Treasury({
      secret: secretOf("the treasury"),
      receiptSeed: SEED,
      location: world.treasury.location,
      wallet: devWallet(world.network.account("treasury").url),
      store,
      witness: mark,
      fetch: guardedFetch({ allowLoopback: true }),
      clock: world.clock,
      alarm: (what) => world.alarms.push(what),
      ...options(world),
    });
    await treasury.start();
    const end = async () => {
      await treasury.owner.receipts();
      await treasury.stop();
      await store.close();
    };
    onTestFinished(() => store.close());
    return { path, store, treasury, end };
  }
  return { folder, mark, world, shop, root, life };
}

describe.skipIf(!hasSqlite)("books that are behind the mark outside of them", () => {
  test("spend on if the wallet shows that nothing was paid since, and the journal says so [case 105]", async () => {
    const { world, shop, root, life } = await start();
    const first = await life("a.db");
    await buy(first.treasury, root, shop);
    const backup = `${first.path}.backup`;
    await restorable(first.path, backup);
    world.clock.advance("60s");
    await first.treasury.owner.freeze(undefined, "lost with the books");
    await first.end();
    const next = await life("a.db.backup");
    await buy(next.treasury, root, shop);
    const notes = (await next.store.journal(0, 1000)).flatMap(({ event }) =>
      event.type === "note" ? [event.text] : [],
    );
    expect(notes).toEqual([
      expect.stringContaining("a backup was restored"),
      expect.stringContaining("spending has stopped: the books were restored"),
      "the restored books were compared with the wallet",
    ]);
    await next.end();
    // The mark went on with these books: they are the newest now.
    const third = await life("a.db.backup");
    await buy(third.treasury, root, shop);
    await third.end();
  });

  test("wait for the owner's word if the wallet cannot list its payments, over a restart too [case 105]", async () => {
    const { mark, world, shop, root, life } = await start((town) => ({ wallet: unlisted(town) }));
    const first = await life("a.db");
    await buy(first.treasury, root, shop);
    await restorable(first.path, `${first.path}.backup`);
    await buy(first.treasury, root, shop);
    await first.end();
    const before = mark.text;
    for (let start = 0; start < 2; start++) {
      const next = await life("a.db.backup");
      expect(await codeOf(buy(next.treasury, root, shop))).toBe("ERR_FROZEN");
      await next.treasury.reconcile();
      expect(await codeOf(buy(next.treasury, root, shop))).toBe("ERR_FROZEN");
      expect(await next.treasury.owner.health()).toMatchObject({
        spending: false,
        reason: expect.stringContaining("restored from a backup"),
      });
      // An owner's thaw is for an owner's freeze.
      await next.treasury.owner.thaw();
      expect(await codeOf(buy(next.treasury, root, shop))).toBe("ERR_FROZEN");
      await next.end();
    }
    expect(mark.text).toBe(before);
    const next = await life("a.db.backup");
    await next.treasury.owner.confirmBooks("looked at the wallet");
    await buy(next.treasury, root, shop);
    await expect(next.treasury.owner.confirmBooks()).rejects.toMatchObject({ code: "ERR_REQUEST" });
    await next.end();
    const last = await life("a.db.backup");
    await buy(last.treasury, root, shop);
    await last.end();
    expect(world.paid().count).toBe(4);
  });

  test("leave receipts that are missed for ever, however far the second history goes", async () => {
    const { mark, shop, root, life } = await start();
    const { publicKey } = await ReceiptSigner.fromSeed(SEED);
    const verified = async (store: Awaited<ReturnType<typeof life>>["store"]) => {
      const signer = await ReceiptSigner.fromSeed(SEED);
      const lines: string[] = [];
      for await (const line of exportReceipts(store, signer, () => 2_000_000_000)) lines.push(line);
      return verifyExport(lines, publicKey);
    };
    const first = await life("a.db");
    await buy(first.treasury, root, shop);
    await buy(first.treasury, root, shop);
    const copied = await first.treasury.owner.receipts();
    await restorable(first.path, `${first.path}.backup`);
    await buy(first.treasury, root, shop);
    await buy(first.treasury, root, shop);
    await first.treasury.owner.receipts();
    expect(await verified(first.store)).toMatchObject({ holds: true, head: { count: 4 } });
    await first.end();
    const { receipts } = JSON.parse(mark.text) as BooksMark;
    expect(receipts.count).toBe(4);

    const next = await life("a.db.backup");
    for (const { paymentHash } of await next.treasury.owner.unexplained())
      await next.treasury.owner.explain(paymentHash, { as: "own" });
    for (let paid = 0; paid < 4; paid++) {
      await next.treasury.owner.receipts();
      expect(await verified(next.store)).toMatchObject({
        holds: false,
        fault: { code: "ERR_RECEIPT_LOST", message: expect.stringContaining("numbers 3 to 4") },
        head: {
          count: copied.length + paid,
          earlier: [{ count: 4, last: receipts.last, kept: 2 }],
        },
      });
      await buy(next.treasury, root, shop);
    }
    await next.end();
    const third = await life("a.db.backup");
    expect(await verified(third.store)).toMatchObject({ fault: { code: "ERR_RECEIPT_LOST" } });
    await third.end();
  });
});

describe.skipIf(!hasSqlite)("books that are as new as the mark, or newer", () => {
  test("spend at every start, after a stop and after a kill", async () => {
    const { world, shop, root, life } = await start();
    for (let start = 0; start < 4; start++) {
      const { treasury, store, end } = await life("a.db");
      await buy(treasury, root, shop);
      world.clock.advance("1h");
      await buy(treasury, root, shop);
      if (start % 2 === 0) await end();
      else await store.close();
    }
    // A store that is closed under a running treasury is no restored backup.
    expect(world.alarms.filter((what) => !what.includes("written down"))).toEqual([]);
    expect(world.paid().count).toBe(8);
  });

  test("spend on if the mark cannot be written, with an alarm; a mark that cannot be read stops the start", async () => {
    const { mark, world, shop, root, life } = await start();
    mark.write = () => Promise.reject(new Error("the disk is full"));
    const { treasury, end } = await life("a.db");
    await buy(treasury, root, shop);
    expect(world.alarms).toContainEqual(expect.stringContaining("could not be written down"));
    await end();
    mark.read = () => Promise.reject(new Error("not JSON"));
    await expect(life("a.db")).rejects.toThrow("not JSON");
  });
});
