/** A treasury whose books another process has opened pays nothing any more. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Store } from "../ports/store.ts";
import { openSqliteStore } from "../stores/sqlite.ts";
import { failure, town } from "../testing/fixtures/town.ts";

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;

async function start() {
  const folder = mkdtempSync(join(tmpdir(), "sigil-taken-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "treasury.db");
  const first = await openSqliteStore(path);
  onTestFinished(() => first.close());
  let afterBegin: (() => Promise<void>) | undefined;
  const store: Store = new Proxy(first, {
    get(target, member) {
      const value: unknown = Reflect.get(target, member, target);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        const answer: unknown = await Reflect.apply(value, target, args);
        if (member === "begin") await afterBegin?.();
        return answer;
      };
    },
  });
  const world = await town({ store });
  const shop = await world.openShop();
  const root = world.mint();
  let serial = 0;
  const buy = () =>
    world.treasury.buy({
      id: crypto.randomUUID(),
      credential: root.toString(),
      method: "GET",
      url: `${shop.url}/${++serial}`,
      headers: [],
    });
  /** What a person does who takes the lock file for a stale one. */
  const takeOver = async (): Promise<Store> => {
    rmSync(`${path}.lock`);
    const second = await openSqliteStore(path);
    onTestFinished(() => second.close());
    return second;
  };
  return { world, buy, takeOver, onBegin: (act: () => Promise<void>) => (afterBegin = act) };
}

test.skipIf(!hasSqlite)("before a payment is begun", async () => {
  const { world, buy, takeOver } = await start();
  await buy();
  await takeOver();
  for (let turn = 0; turn < 3; turn++) await failure(buy());
  expect(world.paid().count).toBe(1);
  expect(world.network.payments()).toHaveLength(1);
});

test.skipIf(!hasSqlite)("between the begin of a payment and the wallet", async () => {
  const { world, buy, takeOver, onBegin } = await start();
  await buy();
  let second: Store | undefined;
  onBegin(async () => {
    second ??= await takeOver();
  });
  for (let turn = 0; turn < 3; turn++) await failure(buy());
  expect(world.network.payments()).toHaveLength(1);
  // The other process finds it, and the wallet says that it was never sent.
  expect(await second!.openPayments()).toHaveLength(1);
});
