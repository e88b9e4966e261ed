/**
 * Who is accused, and of what there is proof: a service that took the money and refuses the very
 * request that it was for, and nobody else. spec/4-purchase.md §4.5.
 */
import { describe, expect, test } from "vitest";
import { Credential } from "../l402/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { ask402, challenger, failure, site, type Town, town } from "../testing/fixtures/town.ts";
import { guardedFetch } from "./index.ts";

const buy = (world: Town, credential: Credential, url: string, more: object = {}) =>
  world.treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
    ...more,
  });

const child = (world: Town, root: Credential, agent: string, scope: object = {}) =>
  root.delegate({ agent, ...scope }, { now: world.clock() });

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

const refusedOf = ({ paymentHash }: Credential, mayBeUsed = false) => ({
  refused: { paymentHash, mayBeUsed, delivered: mayBeUsed },
});

const RELAYED = { maxUses: 1000 };
const NOT_DELIVERED = { code: "ERR_PAID_NOT_DELIVERED", spent: "yes" };
const CLOSED = { code: "ERR_ORIGIN_QUARANTINED", spent: "no" };

/** A service that asks for payment, whatever it is shown. */
const greedy = (world: Town) =>
  site(async (_request, response, url) => {
    ask402(response, await challenger(world, url).demand());
  });

/** Its price depends on the query, as a resized picture's does. */
const PRICED = {
  price: ({ url }: { readonly url: URL }) =>
    url.searchParams.get("size") === "big" ? ("500 sat" as const) : ("10 sat" as const),
};

describe("an honest service is accused by nobody", () => {
  test("if its price moves between the challenge and the use", async () => {
    const world = await town();
    let msat = 10_000;
    const shop = await world.openShop({ price: () => `${msat++} msat` as const });
    for (const scope of [RELAYED, {}]) {
      const root = world.mint(scope);
      const url = `${shop.url}/a`;
      const client = world.connect(root);
      expect((await client.get(url)).status).toBe(200);
    }
    expect(world.paid().count).toBe(2);
    expect(world.alarms).toEqual([]);
  });

  test.each([
    ["relayed", RELAYED],
    ["handed over", {}],
  ])(
    "if an agent orders something small, hangs up, and orders something big: %s",
    async (_how, scope) => {
      const world = await town();
      const shop = await world.openShop(PRICED);
      const root = world.mint({ budget: "5000 sat" });
      const mallory = child(world, root, "mallory", scope);
      shop.answers.push(...Array.from({ length: 6 }, () => "hang-up" as const));
      const small = await buy(world, mallory, `${shop.url}/a?size=small`).catch(() => undefined);
      shop.answers.length = 0;
      const refused =
        small?.kind === "credential" ? refusedOf(Credential.parse(small.credential)) : {};
      await buy(world, mallory, `${shop.url}/a?size=big`, refused).catch(() => {});
      expect(world.alarms).toEqual([]);
      const honest = child(world, root, "honest");
      expect(await buy(world, honest, `${shop.url}/a?size=small`)).toHaveProperty("payment");
      expect(await buy(world, mallory, `${shop.url}/b?size=small`)).toHaveProperty("payment");
    },
  );

  test("and what was bought for something small is still there after something big was bought", async () => {
    const world = await town();
    const shop = await world.openShop(PRICED);
    const root = world.mint({ ...RELAYED, budget: "5000 sat" });
    // Paid for, and given back by the service.
    shop.answers.push("fail");
    await textOf(buy(world, root, `${shop.url}/a?size=small`));
    await textOf(buy(world, root, `${shop.url}/a?size=big`));
    expect(world.paid().count).toBe(2);
    await textOf(buy(world, root, `${shop.url}/a?size=small`));
    expect(world.paid().count).toBe(2);
    expect(world.alarms).toEqual([]);
  });

  test("if a cache of answers by Idempotency-Key stands before it", async () => {
    const world = await town();
    const answers = new Map<string, (response: Parameters<typeof ask402>[0]) => void>();
    const shop = await site(async ({ headers }, response, url) => {
      const key = String(headers["idempotency-key"]);
      const cached = headers["idempotency-key"] === undefined ? undefined : answers.get(key);
      if (cached !== undefined) return cached(response);
      const challenge = await challenger(world, url).demand({ enforced: undefined });
      const answer = (to: typeof response) =>
        headers.authorization === undefined ? ask402(to, challenge) : void to.end("served");
      answers.set(key, answer);
      answer(response);
    });
    const post = { method: "POST", headers: [["Idempotency-Key", "one"]] };
    expect(await textOf(buy(world, world.mint(), `${shop.url}/a`, post))).toBe("served");
    expect(world.paid().count).toBe(1);
    expect(world.alarms).toEqual([]);
  });

  test("if this side gave the paid request up, and the service counted it", async () => {
    const allowed = guardedFetch({ allowLoopback: true });
    let isCut = true;
    const used = new Set<string>();
    const world = await town({
      async fetch(input, init) {
        const response = await allowed(input, init);
        const { authorization } = Object.fromEntries(new Request(input, init).headers);
        if (authorization === undefined || !isCut) return response;
        isCut = false;
        await response.body?.cancel();
        // As a time-out of the treasury ends it.
        const { AdapterError } = await import("../errors.ts");
        throw new AdapterError("ERR_SERVICE_UNREACHABLE", "It took too long.");
      },
    });
    const shop = await site(async ({ headers }, response, url) => {
      const hash = headers.authorization?.slice(-64);
      if (hash === undefined || used.has(hash))
        return ask402(response, await challenger(world, url).demand({ enforced: undefined }));
      used.add(hash);
      response.end("served");
    });
    const root = world.mint();
    const order = { id: crypto.randomUUID() };
    await failure(buy(world, root, `${shop.url}/a`, order));
    expect(await failure(buy(world, root, `${shop.url}/a`, order))).toMatchObject({
      code: "ERR_ANSWER_LOST",
    });
    expect(world.paid().count).toBe(1);
    expect(await textOf(buy(world, root, `${shop.url}/a`))).toBe("served");
    expect(world.paid().count).toBe(2);
    expect(world.alarms).toEqual([]);
  });
});

describe("an honest service whose answer this side cannot read", () => {
  type Raw = (socket: NonNullable<Parameters<typeof ask402>[0]["socket"]>) => unknown;
  const UNREADABLE: readonly (readonly [string, Raw])[] = [
    [
      "has a head of 20 kB",
      (socket) => socket.end(`HTTP/1.1 200 OK\r\nlink: ${"x".repeat(20_000)}\r\n\r\n`),
    ],
    ["has the status 999", (socket) => socket.end("HTTP/1.1 999 No\r\ncontent-length: 0\r\n\r\n")],
    ["is no HTTP", (socket) => socket.end("HTTP/9.9 nonsense\r\n\r\n")],
    [
      "switches to another protocol",
      (socket) => socket.write("HTTP/1.1 101 No\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    ],
  ];

  /** Serves each credential once, at `/odd` with an answer that nobody can read. */
  const honest = (world: Town, answer: Raw) => {
    const used = new Set<string>();
    return site(async ({ headers, target }, response, url) => {
      const hash = headers.authorization?.slice(-64);
      if (hash === undefined || used.has(hash))
        return ask402(response, await challenger(world, url).demand());
      used.add(hash);
      if (target === "/odd") answer(response.socket!);
      else response.end("served");
    });
  };

  test.each(UNREADABLE)(
    "is accused by nobody, and lost to nobody: it %s",
    async (_what, answer) => {
      const world = await town();
      const shop = await honest(world, answer);
      const root = world.mint();
      for (const name of ["one", "other"]) {
        const node = child(world, root, name, RELAYED);
        expect(await failure(buy(world, node, `${shop.url}/odd`))).toMatchObject({
          code: "ERR_ANSWER_LOST",
          spent: "yes",
        });
        expect(await textOf(buy(world, node, `${shop.url}/a`))).toBe("served");
      }
      expect(world.alarms).toEqual([]);
    },
  );
});

describe("an honest service behind a link that breaks once for each agent", () => {
  /** Serves each credential once, keeps no answer, and its first answer to each does not arrive. */
  const behindBrokenLink = (world: Town) => {
    const used = new Set<string>();
    const whole = new Set<string>();
    const broken = new Set<unknown>();
    const shop = site(async ({ headers }, response, url) => {
      const { authorization, "x-who": who } = headers;
      const hash = authorization?.slice(-64);
      if (hash === undefined || used.has(hash))
        return ask402(response, await challenger(world, url).demand());
      used.add(hash);
      if (who === undefined || broken.has(who)) {
        whole.add(hash);
        return void response.end("served");
      }
      broken.add(who);
      response.socket!.resetAndDestroy();
    });
    return shop;
  };

  test("relayed: is accused by nobody, and nobody whose link holds loses it", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    const shop = await behindBrokenLink(world);
    const root = world.mint(RELAYED);
    for (const name of ["one", "other"]) {
      const node = child(world, root, name);
      const order = { id: crypto.randomUUID(), headers: [["x-who", name]] };
      const error = await failure(buy(world, node, `${shop.url}/a`, order));
      expect(error).toMatchObject(NOT_DELIVERED);
      expect(error.message).toContain("cannot be known");
      // The order that paid is over, and the node does not pay there for now.
      expect(await failure(buy(world, node, `${shop.url}/a`, order))).toMatchObject({
        code: "ERR_ANSWER_LOST",
        spent: "yes",
      });
      expect(await failure(buy(world, node, `${shop.url}/a`))).toMatchObject(CLOSED);
    }
    for (const third of [child(world, root, "third"), root])
      expect(await textOf(buy(world, third, `${shop.url}/a`))).toBe("served");
    expect(world.alarms.filter((what) => what.includes("did not deliver"))).toEqual([]);
    expect((await store.payments({ limit: 10 })).map(({ status }) => status)).not.toContain(
      "undelivered",
    );
    world.clock.advance("601s");
    expect(await textOf(buy(world, child(world, root, "one"), `${shop.url}/a`))).toBe("served");
  });

  test("handed over: is accused by nobody", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    const shop = await behindBrokenLink(world);
    const root = world.mint();
    for (const name of ["one", "other"]) {
      const client = world.connect(child(world, root, name));
      const asks = () => failure(client.get(`${shop.url}/a`, { headers: { "x-who": name } }));
      await asks();
      // What the first order paid for.
      expect(await asks()).toMatchObject({ ...NOT_DELIVERED, spent: "no" });
      expect(await asks()).toMatchObject(CLOSED);
    }
    expect(await (await world.connect(root).get(`${shop.url}/a`)).text()).toBe("served");
    expect(world.alarms.filter((what) => what.includes("did not deliver"))).toEqual([]);
    expect((await store.payments({ limit: 10 })).map(({ status }) => status)).not.toContain(
      "undelivered",
    );
  });
});

describe("clocks that differ by up to ten minutes are measured before paying", () => {
  const WAYS = [
    ["relayed", RELAYED],
    ["handed over", {}],
  ] as const;
  const SKEWS = [55, 61, 65, 90, 301, 310, 590, -90, -400, -590];
  test.each(WAYS.flatMap(([how, scope]) => SKEWS.map((skew) => [how, skew, scope] as const)))(
    "%s, with the service's clock off by %i s: served, and paid once",
    async (_how, skew, scope) => {
      const world = await town();
      const shop = await world.openShop({ price: "10 sat" }, { clock: () => world.clock() + skew });
      const url = `${shop.url}/a`;
      expect((await world.connect(world.mint(scope)).get(url)).status).toBe(200);
      expect(world.paid().count).toBe(1);
      expect(world.alarms).toEqual([]);
    },
  );

  test.each([
    [601, "ahead of"],
    [-601, "behind"],
  ])("by %i s: refused unpaid, and the error says which clock is where", async (skew, where) => {
    const world = await town();
    const shop = await world.openShop({ price: "10 sat" }, { clock: () => world.clock() + skew });
    const error = await failure(buy(world, world.mint(), `${shop.url}/a`));
    expect(error).toMatchObject({ code: "ERR_CHALLENGE_CLOCK", spent: "no" });
    expect(error.message).toContain(`601 s ${where} the treasury's`);
    expect(world.network.payments()).toEqual([]);
  });

  test("the skew goes with the purchase, so that a later order is served, too", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    const skewed = { clock: () => world.clock() + 300 };
    const shop = await world.openShop({ price: "10 sat", grants: { validFor: "1h" } }, skewed);
    const root = world.mint(RELAYED);
    await textOf(buy(world, root, `${shop.url}/a`));
    const [record] = await store.payments({ limit: 1 });
    expect(record).toMatchObject({ skewSeconds: 300 });
    expect(await textOf(buy(world, root, `${shop.url}/a`))).toContain("served");
    expect(world.paid().count).toBe(1);
  });

  test("a service that does not say its time is served without our time caveat, if that is refused", async () => {
    const allowed = guardedFetch({ allowLoopback: true });
    const world = await town({
      async fetch(input, init) {
        const response = await allowed(input, init);
        response.headers.delete("date");
        return response;
      },
    });
    const shop = await world.openShop({ price: "10 sat" }, { clock: () => world.clock() + 90 });
    expect(await textOf(buy(world, world.mint(RELAYED), `${shop.url}/a`))).toContain("served");
    expect(world.alarms).toEqual([]);
  });
});

describe("a child's doubt", () => {
  test("never ends what its ancestor bought, and does not make the ancestor pay", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    const shop = await world.openShop({ ...PRICED, grants: { validFor: "24h" } });
    const root = world.mint({ budget: "5000 sat", expiresIn: "7d" });
    const pass = await handed(buy(world, root, `${shop.url}/a?size=small`));
    const mallory = child(world, root, "mallory", { budget: "0 sat" });
    for (const mayBeUsed of [true, false])
      await buy(world, mallory, `${shop.url}/a?size=big`, refusedOf(pass, mayBeUsed)).catch(
        () => {},
      );
    expect(await store.payment(pass.paymentHash)).toMatchObject({ status: "paid" });
    const next = await handed(buy(world, root, `${shop.url}/a?size=small`));
    expect(next.paymentHash).toBe(pass.paymentHash);
    expect(world.paid().count).toBe(1);
    expect(world.alarms).toEqual([]);
  });
});

describe("a service that takes the money and refuses the very thing", () => {
  test("is closed to the node that met it and those below, and to nobody else", async () => {
    const world = await town();
    const shop = await greedy(world);
    const root = world.mint(RELAYED);
    const [met, other] = [child(world, root, "met"), child(world, root, "other")];
    const below = child(world, met, "below");
    expect(await failure(buy(world, met, `${shop.url}/a`))).toMatchObject(NOT_DELIVERED);
    for (const one of [met, below])
      expect(await failure(buy(world, one, `${shop.url}/b`))).toMatchObject(CLOSED);
    // It pays once of its own: nobody has told it.
    expect(await failure(buy(world, other, `${shop.url}/b`))).toMatchObject(NOT_DELIVERED);
    expect(world.paid().count).toBe(2);
  });

  test("is closed to everyone on a second proof, of a node that is neither above nor below", async () => {
    const world = await town();
    const shop = await greedy(world);
    const root = world.mint(RELAYED);
    const [one, other, third] = ["one", "other", "third"].map((name) => child(world, root, name));
    await failure(buy(world, one!, `${shop.url}/a`));
    await failure(buy(world, other!, `${shop.url}/a`));
    expect(await failure(buy(world, third!, `${shop.url}/a`))).toMatchObject(CLOSED);
    expect(await failure(buy(world, world.mint(), `${shop.url}/a`))).toMatchObject(CLOSED);
    expect(world.paid().count).toBe(2);
    world.clock.advance("601s");
    expect(await failure(buy(world, third!, `${shop.url}/a`))).toMatchObject(NOT_DELIVERED);
  });

  test("a parent and its child are one witness", async () => {
    const world = await town({ quarantine: "10m" });
    const shop = await greedy(world);
    const root = world.mint(RELAYED);
    const parent = child(world, root, "parent");
    const heir = child(world, parent, "heir");
    await failure(buy(world, heir, `${shop.url}/a`));
    expect(await failure(buy(world, parent, `${shop.url}/a`))).toMatchObject(NOT_DELIVERED);
    expect(await failure(buy(world, child(world, root, "other"), `${shop.url}/a`))).toMatchObject(
      NOT_DELIVERED,
    );
  });

  test("nodes below one child of the root are one witness, no matter who made them", async () => {
    const world = await town();
    const shop = await greedy(world);
    const root = world.mint(RELAYED);
    const evil = child(world, root, "evil");
    for (const name of ["one", "other"])
      await failure(buy(world, child(world, evil, name), `${shop.url}/a`));
    const victim = child(world, root, "victim");
    expect(await failure(buy(world, victim, `${shop.url}/a`))).toMatchObject(NOT_DELIVERED);
    // The victim has met it itself now: that is a second family.
    for (const third of [child(world, root, "third"), world.mint()])
      expect(await failure(buy(world, third, `${shop.url}/a`))).toMatchObject(CLOSED);
    expect(world.paid().count).toBe(3);
  });

  test("is closed to everyone on a second proof, of a node below another root", async () => {
    const world = await town();
    const shop = await greedy(world);
    for (const name of ["one", "other"])
      await failure(buy(world, world.mint({ ...RELAYED, purpose: name }), `${shop.url}/a`));
    expect(await failure(buy(world, world.mint(), `${shop.url}/a`))).toMatchObject(CLOSED);
    expect(world.paid().count).toBe(2);
  });

  test("by a 401 with a token's code, is paid once by each of two nodes, and then by nobody", async () => {
    const world = await town();
    const problem = { code: "ERR_TOKEN_FORGED", detail: "The credential is not genuine here." };
    const shop = await site(async ({ headers }, response, url) => {
      if (headers.authorization === undefined)
        return ask402(response, await challenger(world, url).demand());
      response.writeHead(401, { "content-type": "application/problem+json" });
      response.end(JSON.stringify(problem));
    });
    const root = world.mint(RELAYED);
    for (const name of ["one", "other"]) {
      const node = child(world, root, name);
      const error = await failure(buy(world, node, `${shop.url}/a`));
      expect(error).toMatchObject(NOT_DELIVERED);
      expect(error.message).toContain("ERR_TOKEN_FORGED");
      expect(await failure(buy(world, node, `${shop.url}/a`))).toMatchObject(CLOSED);
    }
    expect(await failure(buy(world, root, `${shop.url}/a`))).toMatchObject(CLOSED);
    expect(world.paid().count).toBe(2);
    expect(world.alarms).toHaveLength(2);
  });

  test("an agent's word is no proof: two liars close an honest service to themselves", async () => {
    const world = await town();
    const shop = await world.openShop();
    const root = world.mint();
    for (const name of ["liar", "accomplice"]) {
      const liar = child(world, root, name);
      const order = { id: crypto.randomUUID() };
      const credential = await handed(buy(world, liar, `${shop.url}/a`, order));
      const headers = { authorization: `L402 ${credential}` };
      expect((await fetch(`${shop.url}/a`, { headers })).status).toBe(200);
      const lie = { ...order, ...refusedOf(credential) };
      expect(await failure(buy(world, liar, `${shop.url}/a`, lie))).toMatchObject(NOT_DELIVERED);
      expect(await failure(buy(world, liar, `${shop.url}/a`))).toMatchObject(CLOSED);
    }
    expect(await buy(world, child(world, root, "honest"), `${shop.url}/a`)).toHaveProperty(
      "payment",
    );
  });

  test("is paid again at once if the owner reopens it", async () => {
    const world = await town();
    let isHonest = false;
    const shop = await site(async ({ headers }, response, url) => {
      if (isHonest && headers.authorization !== undefined) return void response.end("served");
      ask402(response, await challenger(world, url).demand({ enforced: undefined }));
    });
    const root = world.mint();
    const [one, other] = [child(world, root, "one"), child(world, root, "other")];
    for (const node of [one, other]) await failure(buy(world, node, `${shop.url}/a`));
    isHonest = true;
    for (const node of [one, root])
      expect(await failure(buy(world, node, `${shop.url}/a`))).toMatchObject(CLOSED);
    await expect(world.treasury.owner.reopen("no URL")).rejects.toMatchObject({
      code: "ERR_REQUEST",
    });
    await world.treasury.owner.reopen(`${shop.url}/`);
    for (const node of [one, root])
      expect(await textOf(buy(world, node, `${shop.url}/a`))).toBe("served");
  });

  test("by hanging up, and by refusing it then, is paid once, no matter who presents it", async () => {
    const world = await town();
    const used = new Set<string>();
    const shop = await site(async ({ headers }, response, url) => {
      const hash = headers.authorization?.slice(-64);
      if (hash === undefined || used.has(hash))
        return ask402(response, await challenger(world, url).demand());
      used.add(hash);
      response.destroy();
    });
    const client = world.connect(world.mint());
    const codes: unknown[] = [];
    for (let call = 0; call < 8; call++)
      codes.push((await failure(client.get(`${shop.url}/a`))).code);
    expect(world.paid().count).toBe(1);
    // The connection that ends after the payment, and then the refusal.
    const [ended, refused, ...later] = codes;
    expect([ended, refused]).toEqual(["ERR_PAID_NOT_DELIVERED", "ERR_PAID_NOT_DELIVERED"]);
    expect(new Set(later)).toEqual(new Set(["ERR_ORIGIN_QUARANTINED"]));
  });
});

test("two paywalls in a row: an order pays once, and the error says what to look at", async () => {
  const world = await town();
  // The second one wants a credential of its own, and the first one has passed ours.
  const shop = await greedy(world);
  const error = await failure(world.connect(world.mint()).get(`${shop.url}/a`));
  expect(error).toMatchObject(NOT_DELIVERED);
  expect(error.message).toContain("two paywalls");
  expect(world.paid().count).toBe(1);
});
