/**
 * Two treasuries on one database share the budget of a family of agents. Judged by the dev
 * network's payments.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { auditLedger } from "../../packages/l8nt/src/ledger/index.ts";
import type { Store } from "../../packages/l8nt/src/ports/store.ts";
import { failure, secretOf, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { guardedFetch, Treasury } from "../../packages/l8nt/src/treasury/index.ts";
import { devWallet } from "../../packages/l8nt/src/wallets/dev.ts";
import { Books } from "./support/books.ts";

let books: Books;

beforeEach(() => {
  books = new Books();
});

afterEach(() => books.close());

async function two(): Promise<{
  readonly world: Awaited<ReturnType<typeof town>>;
  readonly treasuries: readonly [Treasury, Treasury];
  readonly store: Store;
}> {
  // The town has a clock of its own, which is not the database's.
  const open = async () => Object.assign(await books.open(), { now: undefined });
  const store = await open();
  const world = await town({ store });
  const other = new Treasury({
    secret: secretOf("the treasury"),
    location: world.treasury.location,
    wallet: devWallet(world.network.account("treasury").url),
    store: await open(),
    fetch: guardedFetch({ allowLoopback: true }),
    clock: world.clock,
    alarm: (what) => world.alarms.push(what),
  });
  await Promise.all([world.treasury.start(), other.start()]);
  return { world, treasuries: [world.treasury, other], store };
}

test("200 orders at two treasuries spend no more than the family's budget [cases 23, 43, 44]", async () => {
  const { world, treasuries, store } = await two();
  const shop = await world.openShop();
  const root = world.mint({ budget: "200 sat" });
  const children = [0, 1, 2, 3].map((at) =>
    root.delegate({ agent: `child-${at}`, budget: "200 sat" }),
  );
  const order = (at: number) =>
    treasuries[at % 2]!.buy({
      id: crypto.randomUUID(),
      credential: children[at % 4]!.toString(),
      method: "GET",
      url: `${shop.url}/${at}`,
      headers: [],
    });
  // Until the payee is known, one payment to it is in flight at a time.
  await order(0);
  const answers = await Promise.allSettled(Array.from({ length: 199 }, (_, at) => order(at + 1)));
  const refused = answers.flatMap((answer) =>
    answer.status === "rejected" ? [answer.reason.code as string] : [],
  );
  // Some wait for the family's share of the service's challenges, and it does not come in time.
  expect(["ERR_BUDGET", "ERR_RATE_LIMITED"]).toEqual(expect.arrayContaining([...new Set(refused)]));
  expect(world.paid().msat).toBeLessThanOrEqual(200_000n);
  // Room for one more worst case at most is left over.
  expect(world.paid().msat).toBeGreaterThan(200_000n - 13_000n - 10_010n);
  expect(world.paid().count).toBe(200 - refused.length);
  for (const treasury of treasuries)
    expect((await treasury.standing(root.toString()))[0]!.spent).toEqual([
      { unit: "msat", value: world.paid().msat },
    ]);
  // Each finds the other's payments in the books.
  for (const treasury of treasuries) await treasury.reconcile();
  expect((await auditLedger(store)).faults).toEqual([]);
  expect(world.alarms).toEqual([]);
});

test("one intent is paid once for each answer, and a single use serves one request [cases 63, 80, 88]", async () => {
  const { world, treasuries } = await two();
  const shop = await world.openShop();
  const root = world.mint();
  const ids = Array.from({ length: 12 }, () => crypto.randomUUID());
  const buy = (at: number) =>
    treasuries[at % 2]!.buy({
      id: ids[at]!,
      underWay: ids.filter((_, other) => other !== at),
      credential: root.toString(),
      method: "GET",
      url: `${shop.url}/same`,
      headers: [],
    });
  const answers = await Promise.allSettled(ids.map((_, at) => buy(at)));
  for (const answer of answers)
    if (answer.status === "rejected")
      expect(answer.reason).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN" });
  const served = answers.flatMap((answer) =>
    answer.status === "fulfilled" && answer.value.kind === "credential"
      ? [answer.value.credential]
      : [],
  );
  expect(new Set(served).size).toBe(served.length);
  expect(world.paid().count).toBe(served.length);
  expect(world.alarms).toEqual([]);
});

test("one treasury refuses what the other revoked, as soon as it reads the revocation [case 111]", async () => {
  const { world, treasuries } = await two();
  const shop = await world.openShop();
  const root = world.mint();
  const child = root.delegate({ agent: "scout" });
  const buy = (path: string) =>
    treasuries[1].buy({
      id: crypto.randomUUID(),
      credential: child.toString(),
      method: "GET",
      url: shop.url + path,
      headers: [],
    });
  await buy("/before");
  await world.connect(root).revoke(child);
  await expect
    .poll(() => failure(buy("/after")).catch(() => undefined), { timeout: 5000 })
    .toMatchObject({ code: "ERR_REVOKED" });
  for (const treasury of treasuries) await treasury.stop();
});

test("the database tells its time, by which its treasuries go [case 109]", async () => {
  const store = await books.open();
  const read = await store.now!();
  const again = await store.now!();
  expect(again).toBeGreaterThan(read);
  expect(Math.abs(read - Date.now() / 1000)).toBeLessThan(60);
});
