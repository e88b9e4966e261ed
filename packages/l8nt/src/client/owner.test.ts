/** The owner's client across HTTP: what it reads, what it does, and how it fails. */
import { describe, expect, test } from "vitest";
import { MemoryStore } from "../stores/memory.ts";
import { failure, type Town, town } from "../testing/fixtures/town.ts";
import { ownerApi } from "../treasury/index.ts";
import { OwnerClient } from "./owner.ts";

const SHOP = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;

const clientOf = (world: Town, credential = world.treasury.owner.mint({ expiresIn: "1h" })) => {
  const api = ownerApi(world.treasury);
  return new OwnerClient({
    credential,
    fetch: (input, init) => api(new Request(input, init)),
  });
};

/** A treasury that has paid once for a child, and does not know of a second payment. */
async function stage() {
  const store = new MemoryStore({ journal: true });
  const world = await town({ store });
  const shop = await world.openShop(SHOP);
  const root = world.mint();
  const child = root.delegate({ agent: "scout", budgetPerHour: "50 sat" });
  await world.connect(child).get(`${shop.url}/a`);
  world.network.fault({ kind: "stuck", delayMs: 0 });
  await failure(world.connect(root).get(`${shop.url}/b`));
  return { world, shop, root, store, owner: clientOf(world), embedded: world.treasury.owner };
}

describe("an owner's client gives what treasury.owner gives", () => {
  test("each view is equal, amounts as bigint included", async () => {
    const { owner, embedded } = await stage();
    expect(await owner.health()).toEqual(await embedded.health());
    expect(await owner.tree()).toEqual(await embedded.tree());
    expect(await owner.payments()).toEqual(await embedded.payments());
    expect(await owner.payments()).toHaveLength(2);
    expect(await owner.recalls()).toEqual(await embedded.recalls());
    expect(await owner.journal()).toEqual(await embedded.journal());
    expect(await owner.receipts()).toEqual(await embedded.receipts());
  });

  test("sales of services on the same books are listed, in pages, and summed up", async () => {
    const { owner, embedded, store } = await stage();
    expect(await owner.sales()).toEqual([]);
    expect(await owner.revenue("day")).toEqual([]);
    for (const [n, route] of ["GET /a", "GET /b", "GET /a"].entries())
      await store.sell(
        {
          paymentHash: `${n}`.repeat(64),
          nodeId: `${n}`.repeat(32),
          amount: { unit: "msat", value: 10_000n },
          ...{ route, method: "GET", path: "/a", at: 1_900_000_000, endsAt: 1_900_003_600 },
        },
        false,
      );
    const sales = await owner.sales();
    expect(sales).toHaveLength(3);
    expect(sales).toEqual(await embedded.sales());
    expect(await owner.sales(sales[0]!.seq, 1)).toEqual([sales[1]]);
    expect(await owner.revenue("route")).toEqual([
      { route: "GET /a", sales: 2, amount: { unit: "msat", value: 20_000n } },
      { route: "GET /b", sales: 1, amount: { unit: "msat", value: 10_000n } },
    ]);
    expect(await owner.revenue("day")).toEqual([
      { day: "2030-03-17", sales: 3, amount: { unit: "msat", value: 30_000n } },
    ]);
    await expect(owner.revenue("week" as never)).rejects.toThrow();
  });

  test("filters and pages reach the treasury", async () => {
    const { owner } = await stage();
    const scout = (await owner.tree()).find(({ agent }) => agent === "scout")!;
    expect(await owner.tree(scout.id)).toHaveLength(1);
    expect(await owner.payments({ status: "open" })).toMatchObject([{ status: "open" }]);
    expect(await owner.payments({ nodeId: scout.id })).toMatchObject([{ status: "paid" }]);
    expect(await owner.payments({ limit: 1 })).toHaveLength(1);
    const [first, second] = await owner.journal();
    expect(await owner.journal(first!.seq, 1)).toEqual([second]);
  });

  test("each act is done: freeze, thaw, revoke, allowPayee, reconcile, giveUp", async () => {
    const { world, owner } = await stage();
    await owner.freeze();
    expect(await owner.health()).toMatchObject({ spending: false });
    await owner.thaw();
    expect(await owner.health()).toMatchObject({ spending: true });
    const scout = (await owner.tree()).find(({ agent }) => agent === "scout")!;
    await owner.freeze(scout.id, "to see");
    expect(await owner.tree(scout.id)).toMatchObject([{ state: "frozen" }]);
    await owner.thaw(scout.id);
    await owner.revoke(scout.id, "no longer needed");
    expect(await owner.tree(scout.id)).toMatchObject([{ state: "revoked" }]);
    const payee = `02${"11".repeat(32)}`;
    await owner.allowPayee("https://api.example", payee);
    await owner.reopen("https://api.example");
    expect(await world.treasury.owner.journal(0, 1000)).not.toHaveLength(0);
    expect(await owner.reconcile()).toEqual({ stillOpen: 1 });
    const [open] = await owner.payments({ status: "open" });
    await owner.giveUp(open!.paymentHash, "the node says no");
    expect(await owner.health()).toMatchObject({ openPayments: 0 });
  });
});

describe("an owner's client fails as treasury.owner fails", () => {
  test.each<[string, (owner: OwnerClient) => Promise<unknown>]>([
    ["a payee that is no key", (owner) => owner.allowPayee("https://a.example", "02ff")],
    ["an origin to reopen that is none", (owner) => owner.reopen("a.example")],
    ["an origin to reopen that was never paid", (owner) => owner.reopen("https://a.example")],
    ["an origin that is none", (owner) => owner.allowPayee("a.example", `02${"ff".repeat(32)}`)],
    ["a payment that is not open", (owner) => owner.giveUp("00".repeat(32), "why")],
    ["a node id that is none", (owner) => owner.revoke("scout")],
    ["a node id that stands for all nodes", (owner) => owner.freeze("*")],
    ["an empty node id", (owner) => owner.thaw("")],
    ["a node id of a tree that is none", (owner) => owner.tree("scout")],
    ["a reason of two lines", (owner) => owner.revoke("a0".repeat(16), "it\nwas odd")],
    ["a reason of 201 characters", (owner) => owner.freeze(undefined, "x".repeat(201))],
    ["no reason to give up", (owner) => owner.giveUp("00".repeat(32), "")],
    ["a payment hash that is none", (owner) => owner.giveUp("00", "why")],
    ["a filter with a misspelt key", (owner) => owner.payments({ stats: "open" } as never)],
    ["a status that is none", (owner) => owner.payments({ status: "lost" as never })],
    ["a recalls limit of 1001", (owner) => owner.recalls(undefined, 1001)],
    ["a limit below zero", (owner) => owner.payments({ limit: -1 })],
    ["more rows than a page has", (owner) => owner.journal(0, 1001)],
    ["a number that is not whole", (owner) => owner.receipts(0.5)],
  ])("%s: the same class and code", async (_what, act) => {
    const { owner, embedded } = await stage();
    const [remote, local] = [
      await failure(act(owner)),
      await failure(act(embedded as unknown as OwnerClient)),
    ];
    expect([remote.constructor, remote.code, remote.message]).toEqual([
      local.constructor,
      local.code,
      local.message,
    ]);
    expect(remote.code).toBe("ERR_REQUEST");
  });

  test("an agent's credential is a TokenError, a read-only one that acts a DeniedError", async () => {
    const { world, root } = await stage();
    const agents = clientOf(world, root as never);
    expect(await failure(agents.health())).toMatchObject({ name: "TokenError" });
    const reader = clientOf(world, world.treasury.owner.mint({ readOnly: true, expiresIn: "1h" }));
    expect(await reader.health()).toMatchObject({ spending: true });
    expect(await failure(reader.freeze())).toMatchObject({
      name: "DeniedError",
      code: "ERR_ENDPOINT",
    });
  });

  test("a treasury that cannot be reached, and one that is none, are ERR_TREASURY", async () => {
    const { world } = await stage();
    const credential = world.treasury.owner.mint({ expiresIn: "1h" });
    const answers = (fetcher: () => Promise<Response>) =>
      failure(new OwnerClient({ credential, fetch: fetcher }).health());
    expect(await answers(() => Promise.reject(new TypeError("fetch failed")))).toMatchObject({
      code: "ERR_TREASURY",
      message: expect.stringContaining("cannot be reached"),
    });
    for (const body of ["<html>", "{}", '{"spending":"yes","openPayments":0,"stuckPayments":0}'])
      expect(await answers(async () => new Response(body))).toMatchObject({
        code: "ERR_TREASURY",
      });
    expect(await answers(async () => new Response("gone", { status: 502 }))).toMatchObject({
      code: "ERR_TREASURY",
    });
  });

  test("an unknown option, and plain HTTP beyond this machine, are refused", async () => {
    const { world } = await stage();
    const credential = world.treasury.owner.mint({ expiresIn: "1h" });
    expect(() => new OwnerClient({ credential, uri: "x" } as never)).toThrow(
      /no option "uri"; did you mean "url"/,
    );
    expect(() => new OwnerClient({ credential, url: "http://treasury.example" })).toThrow(
      expect.objectContaining({ code: "ERR_REQUEST" }),
    );
  });
});
