/**
 * An order is paid for once, however often it is sent, and what was paid for is not lost on a link
 * that breaks. spec/4-purchase.md §4.2, §4.4.
 */
import { describe, expect, test, vi } from "vitest";
import { watchWritten } from "../http/written.ts";
import { utf8 } from "../internal/bytes.ts";
import { Credential } from "../l402/index.ts";
import type { Payer } from "../ports/wallet.ts";
import { MemoryStore } from "../stores/memory.ts";
import {
  ask402,
  challenger,
  failure,
  gate,
  secretOf,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { guardedFetch, Treasury, treasuryApi } from "./index.ts";

const newId = (): string => crypto.randomUUID();
const buy = (
  world: Pick<Town, "treasury">,
  credential: Credential,
  url: string,
  more: object = {},
) =>
  world.treasury.buy({
    id: newId(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
    ...more,
  });

/** The credential of a hand-over. */
async function handed(buying: ReturnType<typeof buy>): Promise<Credential> {
  const purchase = await buying;
  if (purchase.kind !== "credential") throw new Error("it was relayed");
  return Credential.parse(purchase.credential);
}

async function textOf(buying: ReturnType<typeof buy>): Promise<string> {
  const purchase = await buying;
  if (purchase.kind !== "response") throw new Error("it was handed over");
  return purchase.response.text();
}

const present = async (credential: Credential, url: string) =>
  (await fetch(url, { headers: { authorization: `L402 ${credential}` } })).status;

/** An order across HTTP. */
const post = (world: Town, credential: Credential, body: object, signal?: AbortSignal) =>
  fetch(`${world.treasury.location}/v1/purchases`, {
    method: "POST",
    headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
    body: JSON.stringify({ method: "GET", headers: [], ...body }),
    ...(signal && { signal }),
  });

/** A town whose wallet says when it is asked to pay, and waits for a hand. */
async function slowTown() {
  let inner: Payer | undefined;
  const gates: ReturnType<typeof gate>[] = [gate()];
  const go = gate();
  const wallet: Payer = {
    network: () => inner!.network(),
    async pay(request) {
      gates.at(-1)!.open();
      await go.opened;
      return inner!.pay(request);
    },
    find: (hash) => inner!.find(hash),
  };
  const store = new MemoryStore();
  const world = await town({ wallet, store });
  inner = devWallet(world.network.account("treasury").url);
  return { world, store, asked: gates[0]!, go };
}

describe("an agent that goes while its order is paid for", () => {
  test("finds what was paid for with its next order, and nothing more is paid [case 82]", async () => {
    const { world, store, asked, go } = await slowTown();
    const shop = await world.openShop();
    const root = world.mint();
    const leaving = new AbortController();
    const first = failure(post(world, root, { id: newId(), url: `${shop.url}/a` }, leaving.signal));
    await asked.opened;
    leaving.abort();
    await first;
    go.open();
    await expect.poll(async () => (await store.openPayments()).length).toBe(0);
    await expect.poll(async () => (await store.payments({ limit: 1 }))[0]?.status).toBe("paid");
    const credential = await handed(buy(world, root, `${shop.url}/a`));
    expect(await present(credential, `${shop.url}/a`)).toBe(200);
    expect(world.paid().count).toBe(1);
  });

  test("three times, each time killed before its answer: one payment, and the fourth is served", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint();
    // Each of them gets its credential, and dies without using it.
    for (let life = 0; life < 3; life++) await handed(buy(world, root, `${shop.url}/a`));
    expect(await present(await handed(buy(world, root, `${shop.url}/a`)), `${shop.url}/a`)).toBe(
      200,
    );
    expect(world.paid().count).toBe(1);
  });
});

describe("the same order, sent again,", () => {
  test("joins the one that pays: one payment, one credential", async () => {
    const { world, asked, go } = await slowTown();
    const shop = await world.openShop();
    const root = world.mint();
    const order = { id: newId() };
    const first = handed(buy(world, root, `${shop.url}/a`, order));
    await asked.opened;
    const again = [1, 2, 3].map(() => handed(buy(world, root, `${shop.url}/a`, order)));
    go.open();
    const all = [await first, ...(await Promise.all(again))];
    expect(new Set(all.map(({ paymentHash }) => paymentHash)).size).toBe(1);
    expect(world.paid().count).toBe(1);
  });

  test.each([
    ["at once", 1],
    ["a minute later", 60],
  ])("after a proxy gave its answer up, gets the same credential: %s", async (_when, seconds) => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint();
    const order = { id: newId(), url: `${shop.url}/a` };
    await (await post(world, root, order)).body!.cancel();
    world.clock.advance(`${seconds}s`);
    const { credential } = (await (await post(world, root, order)).json()) as {
      credential: string;
    };
    expect(await present(Credential.parse(credential), `${shop.url}/a`)).toBe(200);
    expect(world.paid().count).toBe(1);
  });

  test("to the next process on the same books, gets the same credential", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    const shop = await world.openShop();
    const root = world.mint();
    const order = { id: newId() };
    const { paymentHash } = await handed(buy(world, root, `${shop.url}/a`, order));
    const next = new Treasury({
      secret: secretOf("the treasury"),
      location: world.treasury.location,
      wallet: devWallet(world.network.account("treasury").url),
      fetch: guardedFetch({ allowLoopback: true }),
      clock: world.clock,
      store,
    });
    const again = await handed(buy({ treasury: next }, root, `${shop.url}/a`, order));
    expect(again.paymentHash).toBe(paymentHash);
    expect(await present(again, `${shop.url}/a`)).toBe(200);
    expect(world.paid().count).toBe(1);
  });

  test("for another method, origin or path is refused, and nothing is paid for it", async () => {
    const world = await town();
    const [shop, other] = [await world.openShop(), await world.openShop()];
    const root = world.mint();
    const id = newId();
    await handed(buy(world, root, `${shop.url}/a`, { id }));
    for (const [url, more] of [
      [`${shop.url}/b`, {}],
      [`${other.url}/a`, {}],
      [`${shop.url}/a`, { method: "DELETE" }],
    ] as const)
      expect(await failure(buy(world, root, url, { id, ...more }))).toMatchObject({
        code: "ERR_REQUEST",
      });
    expect(world.paid().count).toBe(1);
  });

  test("of another node is another order", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint();
    const id = newId();
    const at = { now: world.clock() };
    for (const agent of ["one", "other"])
      await handed(buy(world, root.delegate({ agent }, at), `${shop.url}/a`, { id }));
    expect(world.paid().count).toBe(2);
  });

  test("counts one use, whether its answers are lost or given back, and a new order counts another", async () => {
    const world = await town();
    const shop = await world.openShop({ price: "10 sat", grants: { validFor: "1h" } });
    const counted = world.mint().delegate({ agent: "counted", maxUses: 1 }, { now: world.clock() });
    // Three times, and once for each connection that was kept.
    shop.answers.push(...Array.from({ length: 6 }, () => "hang-up" as const));
    const order = { id: newId() };
    expect(await failure(buy(world, counted, `${shop.url}/a`, order))).toMatchObject({
      code: "ERR_PAID_NOT_DELIVERED",
    });
    shop.answers.length = 0;
    expect(await textOf(buy(world, counted, `${shop.url}/a`, order))).toContain("served");
    expect(await failure(buy(world, counted, `${shop.url}/a`))).toMatchObject({ code: "ERR_USES" });
    expect(world.paid().count).toBe(1);
  });

  test("is no way around a limit of uses: what was answered counts anew", async () => {
    const world = await town();
    const shop = await world.openShop({ price: "10 sat", grants: { validFor: "1h" } });
    const counted = world.mint().delegate({ agent: "counted", maxUses: 2 }, { now: world.clock() });
    const order = { id: newId() };
    await textOf(buy(world, counted, `${shop.url}/a`, order));
    // Past the time for which the answer is kept.
    world.clock.advance("601s");
    await textOf(buy(world, counted, `${shop.url}/a`, order));
    world.clock.advance("601s");
    expect(await failure(buy(world, counted, `${shop.url}/a`, order))).toMatchObject({
      code: "ERR_ANSWER_LOST",
      spent: "yes",
    });
    expect(shop.served).toHaveLength(2);
  });
});

describe("a relayed answer that was lost on its way to the agent", () => {
  const RELAYED = { maxUses: 1000 };

  test("is given to the same order again, without asking the service", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint(RELAYED);
    const order = { id: newId() };
    const first = await buy(world, root, `${shop.url}/a`, order);
    if (first.kind === "response") await first.response.body!.cancel();
    expect(await textOf(buy(world, root, `${shop.url}/a`, order))).toContain('"served":1');
    expect(shop.served).toHaveLength(1);
    expect(world.paid().count).toBe(1);
  });

  test("and is too large to keep: ERR_ANSWER_LOST if the service gives no other, never a second payment", async () => {
    const world = await town();
    const big = "x".repeat(200_000);
    const used = new Set<string>();
    const keys: (string | undefined)[] = [];
    const shop = await site(async ({ headers }, response, url) => {
      const { authorization } = headers;
      if (authorization !== undefined) keys.push(headers["idempotency-key"] as string);
      if (authorization === undefined || used.has(authorization.slice(-64))) {
        const scope = { endpoints: [`* ${url}/**`], expiresIn: "1h", maxUses: 1 } as const;
        return ask402(response, await challenger(world, url).demand({ scope }));
      }
      used.add(authorization.slice(-64));
      response.end(big);
    });
    const root = world.mint(RELAYED);
    const order = { id: newId() };
    const first = await buy(world, root, `${shop.url}/a`, order);
    if (first.kind === "response") await first.response.body!.cancel();
    for (let times = 0; times < 2; times++)
      expect(await failure(buy(world, root, `${shop.url}/a`, order))).toMatchObject({
        name: "PaymentError",
        code: "ERR_ANSWER_LOST",
        spent: "yes",
      });
    expect(world.paid().count).toBe(1);
    expect(world.alarms).toEqual([]);
    // The service could have kept its answer under the key of the first request.
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
    // A new order for the same thing may pay.
    expect(await textOf(buy(world, root, `${shop.url}/a`))).toBe(big);
    expect(world.paid().count).toBe(2);
  });

  test.each([
    ["did not leave the server", false, 1],
    ["left the server", true, 2],
  ])(
    "across HTTP, what bought an answer that %s is presented before the next order pays",
    async (_what, left, payments) => {
      const world = await town();
      const shop = await world.openShop();
      const root = world.mint(RELAYED);
      const api = treasuryApi(world.treasury);
      const order = () =>
        api(
          new Request(`${world.treasury.location}/v1/purchases`, {
            method: "POST",
            headers: { authorization: `L402 ${root}`, "content-type": "application/json" },
            body: JSON.stringify({ id: newId(), method: "GET", url: `${shop.url}/a` }),
          }),
        );
      const response = await order();
      const report = watchWritten(response)!;
      // That the server has read it says nothing of the agent.
      expect(await response.text()).toContain("served");
      report(left);
      expect(await (await order()).text()).toContain("served");
      const shown = shop.received.flatMap(({ headers }) => headers.authorization ?? []);
      // By the payment that they prove, in order: the first one again, whatever became of it.
      const [first, second] = shown.map((text) => text.slice(-64));
      expect(second).toBe(first);
      expect(world.paid().count).toBe(payments);
      expect(world.alarms).toEqual([]);
    },
  );

  test("because its caller gave up is given to the caller's next order by a service that keeps it [case 82]", async () => {
    const world = await town();
    const shop = await world.openShop();
    const [reached, go] = [gate(), gate()];
    shop.answers.push(async (response) => {
      reached.open();
      await go.opened;
      response.end("the answer");
    });
    const root = world.mint(RELAYED);
    const patience = new AbortController();
    const first = post(world, root, { id: newId(), url: `${shop.url}/a` }, patience.signal);
    const gaveUp = failure(first);
    await reached.opened;
    patience.abort();
    await gaveUp;
    go.open();
    await expect
      .poll(async () => (await post(world, root, { id: newId(), url: `${shop.url}/a` })).text())
      .toBe("the answer");
    expect(world.paid().count).toBe(1);
    expect(world.alarms).toEqual([]);
  });

  test.each([
    ["forgets, and refuses: it is accused, and paid once", false],
    [
      "keeps for its own message alone: another payment buys another one, and nobody is accused",
      true,
    ],
  ])("of a call over MCP that the service %s", async (_what, keeps) => {
    const world = await town();
    const used = new Set<string>();
    const keys = new Map<string, string>();
    const shop = await site(async (request, response, url) => {
      const { body } = request;
      const authorization = String(request.headers.authorization ?? "");
      const key = String(request.headers["idempotency-key"]);
      const scope = { endpoints: [`POST ${url}/*`], maxUses: 1, expiresIn: "1h" } as const;
      if (keeps && keys.has(key) && keys.get(key) !== body) {
        response.writeHead(422, { "content-type": "application/problem+json" });
        return response.end(JSON.stringify({ code: "ERR_IDEMPOTENCY_KEY", detail: "told" }));
      }
      if (body === messageOf(1) && authorization !== "") {
        used.add(authorization.slice(-64));
        keys.set(key, body);
        return response.destroy();
      }
      if (authorization === "" || used.has(authorization.slice(-64)))
        return ask402(response, await challenger(world, url).demand({ scope }));
      return response.end(body);
    });
    const root = world.mint(RELAYED);
    const call = (id: number) =>
      buy(world, root, `${shop.url}/mcp`, {
        method: "POST",
        headers: [["content-type", "application/json"]],
        body: utf8(messageOf(id)),
      });
    const messageOf = (id: number) =>
      JSON.stringify({ method: "tools/call", params: { name: "a" }, jsonrpc: "2.0", id });
    expect(await failure(call(1))).toMatchObject({ spent: "yes" });
    if (keeps) expect(await textOf(call(2))).toBe(messageOf(2));
    else
      expect(await failure(call(2))).toMatchObject({
        code: "ERR_PAID_NOT_DELIVERED",
        // The first call paid.
        spent: "no",
      });
    expect(world.paid().count).toBe(keeps ? 2 : 1);
    expect(world.alarms).toHaveLength(keeps ? 0 : 1);
  });

  test("an answer that its agent did not read is no answer to another order: that one gets its own", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint(RELAYED);
    const first = await buy(world, root, `${shop.url}/status`);
    if (first.kind !== "response") throw new Error("it was handed over");
    // A part of it, so that it has come from the service, and not its end.
    await first.response.body!.getReader().read();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await textOf(buy(world, root, `${shop.url}/status`))).toBe('{"served":2}');
    expect(world.alarms).toEqual([]);
  });

  test("two orders that share a pass never share an Idempotency-Key", async () => {
    const world = await town();
    const keys = new Set<unknown>();
    const shop = await site(async ({ headers }, response, url) => {
      if (headers.authorization === undefined)
        return ask402(response, await challenger(world, url).demand({ enforced: undefined }));
      keys.add(headers["idempotency-key"]);
      response.end("served");
    });
    const root = world.mint();
    for (let times = 0; times < 3; times++) await textOf(buy(world, root, `${shop.url}/a`));
    expect(keys.size).toBe(3);
    const own = { headers: [["Idempotency-Key", "the agent's own"]] };
    await textOf(buy(world, root, `${shop.url}/a`, own));
    expect(keys).toContain("the agent's own");
    expect(world.paid().count).toBe(1);
  });
});

describe("what buys a single request", () => {
  test("is used by the next order unless the agent says that the first one was answered", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    const shop = await world.openShop();
    const root = world.mint();
    const [first, second] = [newId(), newId()];
    const one = await handed(buy(world, root, `${shop.url}/a`, { id: first }));
    const same = await handed(buy(world, root, `${shop.url}/a`, { id: second }));
    expect(same.paymentHash).toBe(one.paymentHash);
    const answered = [second];
    const other = await handed(buy(world, root, `${shop.url}/a`, { answered }));
    expect(other.paymentHash).not.toBe(one.paymentHash);
    expect(world.paid().count).toBe(2);
    await expect.poll(() => store.payment(one.paymentHash)).toMatchObject({ status: "used" });
  });

  test.each([
    ["is told ERR_BUDGET, and that nothing was spent, if its budget is used up", "13 sat"],
    ["pays for itself, if its budget allows it", "26 sat"],
  ] as const)("an order from which another one took it %s", async (_what, budget) => {
    const store = new MemoryStore();
    const world = await town({ store });
    const shop = await world.openShop();
    const root = world.mint({ budget });
    const [first, second] = [newId(), newId()];
    const one = await handed(buy(world, root, `${shop.url}/a`, { id: first }));
    const taken = await handed(buy(world, root, `${shop.url}/a`, { id: second }));
    expect(taken.paymentHash).toBe(one.paymentHash);
    const again = buy(world, root, `${shop.url}/a`, { id: first, underWay: [second] });
    if (budget === "13 sat")
      expect(await failure(again)).toMatchObject({ code: "ERR_BUDGET", spent: "no" });
    else expect((await handed(again)).paymentHash).not.toBe(one.paymentHash);
    const { order } = (await store.payment(one.paymentHash))!;
    expect(order.endsWith(` ${second}`)).toBe(true);
    expect(await present(taken, `${shop.url}/a`)).toBe(200);
  });

  /** An order that was answered, and one of another process that took over what it had used. */
  async function tookWhatWasUsed(
    more: { readonly method?: string; readonly headers?: object } = {},
  ) {
    const store = new MemoryStore();
    const world = await town({ store });
    const shop = await world.openShop();
    const root = world.mint();
    const shown = (credential: Credential) =>
      fetch(`${shop.url}/a`, {
        method: more.method ?? "GET",
        headers: { authorization: `L402 ${credential}` },
      });
    const [first, second] = [newId(), newId()];
    const one = await handed(buy(world, root, `${shop.url}/a`, { ...more, id: first }));
    expect((await shown(one)).status).toBe(200);
    const [reading, going] = [gate(), gate()];
    const ordered = store.ordered.bind(store);
    store.ordered = async (key) => {
      const record = await ordered(key);
      if (key.endsWith(` ${first}`)) {
        reading.open();
        await going.opened;
      }
      return record;
    };
    const told = world.treasury.answered(root.toString(), [first]);
    await reading.opened;
    const taken = await handed(buy(world, root, `${shop.url}/a`, { ...more, id: second }));
    expect(taken.paymentHash).toBe(one.paymentHash);
    going.open();
    await told;
    store.ordered = ordered;
    expect(await store.payment(one.paymentHash)).toMatchObject({ status: "used" });
    expect((await shown(taken)).status).toBe(402);
    const refused = { paymentHash: taken.paymentHash, mayBeUsed: true };
    return {
      ...{ world, store, shop, root, one, second },
      again: (said: object = { refused }) =>
        buy(world, root, `${shop.url}/a`, { ...more, id: second, ...said }),
    };
  }

  test("an order that took what was used pays for itself", async () => {
    const { world, shop, one, again } = await tookWhatWasUsed();
    const own = await handed(again());
    expect(own.paymentHash).not.toBe(one.paymentHash);
    expect(await present(own, `${shop.url}/a`)).toBe(200);
    expect(world.paid().count).toBe(2);
    expect(world.alarms).toEqual([]);
  });

  test.each([
    ["with a key of the agent's", { headers: [["Idempotency-Key", "the-agents-own-key"]] }],
    ["that may change something", { method: "POST" }],
  ])("an order %s that took what was used is told, and has spent nothing", async (_what, more) => {
    const { world, again } = await tookWhatWasUsed(more);
    expect(await failure(again())).toMatchObject({ code: "ERR_ANSWER_LOST", spent: "no" });
    expect(world.paid().count).toBe(1);
  });

  test("an order that does not say that what it took was refused pays for nothing", async () => {
    const { world, again } = await tookWhatWasUsed();
    await again({});
    expect(world.paid().count).toBe(1);
  });

  test("an order that is given back what is used while it pays, pays", async () => {
    const { world, store, shop, one, second, again } = await tookWhatWasUsed();
    const begin = store.begin.bind(store);
    let isFirst = true;
    store.begin = async (reservation, record) => {
      if (isFirst) {
        isFirst = false;
        const { order } = (await store.payment(one.paymentHash))!;
        const key = `${record.nodeIds.at(-1)} ${second}`;
        expect(await store.take(one.paymentHash, order, key, "or used")).toBe(true);
      }
      return begin(reservation, record);
    };
    const own = await handed(again());
    expect(await present(own, `${shop.url}/a`)).toBe(200);
    expect(world.paid().count).toBe(2);
  });

  test("an order that may have been served with what another one took is over", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint();
    const first = newId();
    const one = await handed(buy(world, root, `${shop.url}/a`, { id: first }));
    expect(await present(one, `${shop.url}/a`)).toBe(200);
    const taken = await handed(buy(world, root, `${shop.url}/a`));
    expect(taken.paymentHash).toBe(one.paymentHash);
    const { paymentHash } = one;
    const again = (mayBeUsed: boolean) =>
      buy(world, root, `${shop.url}/a`, { id: first, refused: { paymentHash, mayBeUsed } });
    expect(await failure(again(true))).toMatchObject({ code: "ERR_ANSWER_LOST", spent: "yes" });
    expect(world.paid().count).toBe(1);
    // One that never used it gets another.
    expect((await handed(again(false))).paymentHash).not.toBe(paymentHash);
    expect(world.paid().count).toBe(2);
  });

  test("is not taken from an order that its client has under way", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint();
    const id = newId();
    const one = await handed(buy(world, root, `${shop.url}/a`, { id }));
    const other = await handed(buy(world, root, `${shop.url}/a`, { underWay: [id] }));
    expect(other.paymentHash).not.toBe(one.paymentHash);
    for (const credential of [one, other])
      expect(await present(credential, `${shop.url}/a`)).toBe(200);
  });

  // Its client sent the second order before it knew of the first one, and cannot name it.
  test("is not taken by an order that was there before it was handed over", async () => {
    const { world, store, asked, go } = await slowTown();
    const { url: origin } = await world.openShop();
    const url = `${origin}/a`;
    const root = world.mint();
    const first = handed(buy(world, root, url));
    await asked.opened;
    const read = vi.spyOn(store, "ordered");
    const second = handed(buy(world, root, url));
    await expect.poll(() => read.mock.calls.length).toBeGreaterThan(0);
    // The first order has ended by the time at which the second one has read the books.
    const purchases = store.purchases.bind(store);
    store.purchases = async (...given) => {
      await first;
      await new Promise(setImmediate);
      return purchases(...given);
    };
    go.open();
    const [one, other] = await Promise.all([first, second]);
    expect(other.paymentHash).not.toBe(one.paymentHash);
    for (const credential of [one, other]) expect(await present(credential, url)).toBe(200);
  });

  test.each([
    ["the next order", 1],
    ["the reconciler", 1],
    ["the order itself", 2],
  ] as const)(
    "whose payment is settled by %s after the client named its order: payments made: %i",
    async (who, payments) => {
      const world = await town();
      const shop = await world.openShop();
      const root = world.mint();
      world.network.fault({ kind: "stuck", delayMs: 0 });
      const id = newId();
      expect(await failure(buy(world, root, `${shop.url}/a`, { id }))).toMatchObject({
        code: "ERR_PAYMENT_UNKNOWN",
      });
      world.network.settle(world.network.payments()[0]!.paymentHash);
      // Sent while the first order ran, so that its client names it.
      const second = { id: newId(), underWay: [id] };
      if (who === "the reconciler")
        expect(await world.treasury.reconcile()).toEqual({ stillOpen: 0 });
      if (who === "the order itself") await handed(buy(world, root, `${shop.url}/a`, { id }));
      await handed(buy(world, root, `${shop.url}/a`, second));
      expect(world.paid().count).toBe(payments);
    },
  );

  test("is not taken once its order was sent again after the payment was settled apart", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint();
    world.network.fault({ kind: "stuck", delayMs: 0 });
    const id = newId();
    await failure(buy(world, root, `${shop.url}/a`, { id }));
    world.network.settle(world.network.payments()[0]!.paymentHash);
    await world.treasury.reconcile();
    const one = await handed(buy(world, root, `${shop.url}/a`, { id }));
    const other = await handed(buy(world, root, `${shop.url}/a`, { underWay: [id] }));
    expect(other.paymentHash).not.toBe(one.paymentHash);
    for (const credential of [one, other])
      expect(await present(credential, `${shop.url}/a`)).toBe(200);
  });

  test("is not for a child, a sibling or the node above, and they cannot name its order", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint();
    const at = { now: world.clock() };
    const payer = root.delegate({ agent: "payer" }, at);
    const id = newId();
    const { paymentHash } = await handed(buy(world, payer, `${shop.url}/a`, { id }));
    for (const one of [root, root.delegate({ agent: "sibling" }, at)]) {
      const bought = await handed(buy(world, one, `${shop.url}/a`, { answered: [id] }));
      expect(bought.paymentHash).not.toBe(paymentHash);
    }
    const below = payer.delegate({ agent: "below" }, at);
    expect((await handed(buy(world, below, `${shop.url}/a`))).paymentHash).not.toBe(paymentHash);
    const again = await handed(buy(world, payer, `${shop.url}/a`));
    expect(again.paymentHash).toBe(paymentHash);
  });

  test("an order whose purchase another order has used buys for itself", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint();
    const slow = { id: newId() };
    const one = await handed(buy(world, root, `${shop.url}/a`, slow));
    // Another process of the same agent, which knows nothing of the first order.
    const same = await handed(buy(world, root, `${shop.url}/a`));
    expect(await present(same, `${shop.url}/a`)).toBe(200);
    expect(await present(one, `${shop.url}/a`)).toBe(402);
    const { paymentHash } = one;
    const refused = { paymentHash, mayBeUsed: false, delivered: false };
    const own = await handed(buy(world, root, `${shop.url}/a`, { ...slow, refused }));
    expect(await present(own, `${shop.url}/a`)).toBe(200);
    expect(world.paid().count).toBe(2);
    expect(world.alarms).toEqual([]);
  });

  test("one order takes at most seven that are used up, and then pays for itself", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint();
    const ids: string[] = [];
    for (let at = 0; at < 9; at++) {
      const id = newId();
      const credential = await handed(
        buy(world, root, `${shop.url}/a`, { id, underWay: [...ids] }),
      );
      ids.push(id);
      expect(await present(credential, `${shop.url}/a`)).toBe(200);
    }
    // A new process, which never heard what became of them.
    const id = newId();
    let refused: object | undefined;
    let tried = 0;
    for (;;) {
      const purchase = await buy(world, root, `${shop.url}/a`, { id, ...(refused && { refused }) });
      if (purchase.kind !== "credential") throw new Error("it was relayed");
      const credential = Credential.parse(purchase.credential);
      if ((await present(credential, `${shop.url}/a`)) === 200) break;
      tried++;
      const { paymentHash } = credential;
      refused = { paymentHash, mayBeUsed: false, delivered: false };
    }
    expect(tried).toBeLessThanOrEqual(7);
    expect(world.paid().count).toBe(10);
    expect(world.alarms).toEqual([]);
  });

  test("that has expired is swept in the background: no order waits for it to be written", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    const shop = await world.openShop({ price: "10 sat", grants: { uses: 1, validFor: "5m" } });
    const root = world.mint();
    const ids: string[] = [];
    for (let at = 0; at < 3; at++) {
      const id = newId();
      await handed(buy(world, root, `${shop.url}/a`, { id, underWay: [...ids] }));
      ids.push(id);
    }
    // Beyond what any two clocks may be apart.
    world.clock.advance("901s");
    const marked: string[] = [];
    const stuck = gate();
    const mark = store.mark.bind(store);
    store.mark = async (hash, change) => {
      marked.push(hash);
      await stuck.opened;
      return mark(hash, change);
    };
    const credential = await handed(buy(world, root, `${shop.url}/a`));
    expect(await present(credential, `${shop.url}/a`)).toBe(200);
    expect(new Set(marked).size).toBe(3);
    stuck.open();
    await expect
      .poll(async () => (await store.payments({ status: "used", limit: 10 })).length)
      .toBe(3);
    expect(world.paid().count).toBe(4);
  });

  /** A shop whose clock is set by `shift` after the purchase, and what is bought there. */
  async function shifted(uses: 1 | undefined) {
    const world = await town();
    let shift = 0;
    const shop = await world.openShop(
      { price: "10 sat", grants: { validFor: "5m", ...(uses && { uses }) } },
      { clock: () => world.clock() + shift },
    );
    const root = world.mint({ budget: "5000 sat" });
    const set = (seconds: number) => {
      shift = seconds;
    };
    return { world, shop, root, set };
  }

  test.each([
    ["of a single use, by its own order", 1, true],
    ["of a single use, by the next order", 1, false],
    ["for a time, by the next order", undefined, false],
  ] as const)(
    "that has ended by a clock which was set since is presented, and the service decides: one %s",
    async (_what, uses, isItsOwn) => {
      const { world, shop, root, set } = await shifted(uses);
      const id = newId();
      await handed(buy(world, root, `${shop.url}/a`, { id }));
      world.clock.advance("400s");
      set(-590);
      const again = isItsOwn ? { id } : {};
      expect(await textOf(buy(world, root, `${shop.url}/a`, again))).toContain("served");
      expect(world.paid().count).toBe(1);
    },
  );

  test.each([[1], [undefined]] as const)(
    "that has ended is refused by the service once, nobody is accused, and the next one is bought: uses %s",
    async (uses) => {
      const { world, shop, root } = await shifted(uses);
      await handed(buy(world, root, `${shop.url}/a`));
      world.clock.advance("400s");
      const before = shop.received.length;
      const next = { id: "the-next-order" };
      await handed(buy(world, root, `${shop.url}/a`, next));
      const bought = await handed(buy(world, root, `${shop.url}/a`, next));
      expect(await present(bought, `${shop.url}/a`)).toBe(200);
      expect(world.paid().count).toBe(2);
      // The refusal, the challenge, and the presentation above.
      expect(shop.received.length - before).toBe(3);
      expect(world.alarms).toEqual([]);
      expect((await world.treasury.owner.payments()).map(({ status }) => status).sort()).toEqual([
        "paid",
        "used",
      ]);
    },
  );

  test("that has ended waits behind one that is good, and a child's refused request ends only what has ended", async () => {
    const { world, shop, root } = await shifted(undefined);
    const child = root.delegate({ agent: "child" }, { now: world.clock() });
    const old = await handed(buy(world, root, `${shop.url}/a`));
    world.clock.advance("301s");
    await handed(buy(world, child, `${shop.url}/a`));
    const statuses = await world.treasury.owner.payments();
    expect(statuses.map(({ status }) => status)).toEqual(["paid", "used"]);
    expect(statuses[1]!.paymentHash).toBe(old.paymentHash);
    expect(world.paid().count).toBe(2);
  });
});
