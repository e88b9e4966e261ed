/**
 * What an agent gains from an endpoint that shows it the credential of a relayed request.
 * spec/4-purchase.md §5.
 */
import { expect, test } from "vitest";
import { Credential } from "../l402/index.ts";
import type { Terms } from "../service/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { ask402, challenger, type Shop, site, type Town, town } from "../testing/fixtures/town.ts";

const ENDPOINTS = ["* /**"];

/** What is good for many uses, and is used up by them. */
const MANY: readonly (readonly [what: string, grants: NonNullable<Terms["grants"]>])[] = [
  ["100 uses", { uses: 100, endpoints: ENDPOINTS }],
  ["a budget", { budget: "1000 sat", endpoints: ENDPOINTS }],
];

/** Answers with the credential that was presented, which a service may read before its paywall. */
const echo =
  ({ received }: Shop, status = 200): Shop["answers"][number] =>
  (response) => {
    response.writeHead(status).end(received.at(-1)!.headers.authorization);
  };

interface Asked {
  readonly path?: string;
  readonly headers?: readonly (readonly [string, string])[];
}

/** A parent whose pass is paid for, and a child that may use it `maxUses` times. */
async function family(world: Town, grants: NonNullable<Terms["grants"]>, maxUses = 1) {
  const shop = await world.openShop({ price: "10 sat", grants });
  const parent = world.mint();
  const child = parent.delegate({ agent: "child", maxUses }, { now: world.clock() });
  const relay = async (credential: Credential, { path = "/a", headers = [] }: Asked = {}) => {
    const purchase = await world.treasury.buy({
      id: crypto.randomUUID(),
      credential: credential.toString(),
      method: "GET",
      url: shop.url + path,
      headers,
    });
    if (purchase.kind !== "response") throw new Error("it was handed over");
    return purchase.response;
  };
  await world.treasury.buy({
    id: crypto.randomUUID(),
    credential: parent.toString(),
    method: "GET",
    url: `${shop.url}/a`,
    headers: [],
  });
  return { shop, parent, child, relay };
}

/** The status of the same request, sent by the agent itself. */
async function taken(shop: Shop, authorization: string, path = "/a"): Promise<number> {
  const response = await fetch(shop.url + path, { headers: { authorization } });
  await response.text();
  return response.status;
}

const textsOf = (authorization: string): readonly string[] =>
  Credential.parse(authorization.slice("L402 ".length)).caveats.map(
    ({ condition, value }) => `${condition}=${value}`,
  );

test.each(MANY)(
  "the credential of a relay is used up by the answer that shows it: %s [case 25]",
  async (_what, grants) => {
    const world = await town();
    const { shop, parent, child, relay } = await family(world, grants);
    shop.answers.push(echo(shop));
    const echoed = await (await relay(child)).text();
    for (let time = 0; time < 3; time++) expect(await taken(shop, echoed)).toBe(402);
    const [, node] = await world.treasury.tree(parent.toString());
    await world.treasury.owner.revoke(node!.id, "it takes credentials");
    expect(await taken(shop, echoed)).toBe(402);
    expect(shop.served).toEqual([]);
    expect(world.paid().count).toBe(1);
  },
);

test.each(MANY)(
  "each relay is served, with one use of what was bought: %s",
  async (_what, grants) => {
    const world = await town();
    const { shop, child, relay } = await family(world, grants, 3);
    for (let time = 0; time < 3; time++) expect((await relay(child)).status).toBe(200);
    expect(shop.served).toHaveLength(3);
    expect(world.paid().count).toBe(1);
  },
);

test("what a relay appends to a pass: the endpoint, an end, a text of its own, and one use", async () => {
  const world = await town();
  const { shop, child, relay } = await family(world, { uses: 100 }, 2);
  shop.answers.push(echo(shop), echo(shop));
  const [one, other] = [await (await relay(child)).text(), await (await relay(child)).text()].map(
    (authorization) => textsOf(authorization).slice(-4),
  );
  for (const texts of [one, other])
    expect(texts).toEqual([
      `endpoints=GET ${shop.url}/a`,
      `valid_until=${world.clock() + 60}`,
      expect.stringMatching(/^purpose=[0-9a-f]{16}$/),
      "max_uses=1",
    ]);
  expect(one![2]).not.toBe(other![2]);
});

test("a pass for a time is counted by nobody, and what shows it shows it for a minute", async () => {
  const world = await town();
  const { shop, child, relay } = await family(world, { validFor: "1h" });
  shop.answers.push(echo(shop));
  const echoed = await (await relay(child)).text();
  expect(textsOf(echoed).slice(-2)).toEqual([
    `endpoints=GET ${shop.url}/a`,
    `valid_until=${world.clock() + 60}`,
  ]);
  expect(await taken(shop, echoed)).toBe(200);
  world.clock.advance("60s");
  expect(await taken(shop, echoed)).toBe(402);
});

test("what is good for a single request has a limit already, and gets none", async () => {
  const world = await town();
  const shop = await world.openShop({ price: "10 sat" });
  shop.answers.push(echo(shop));
  const client = world.connect(world.mint({ maxUses: 5 }));
  const echoed = await (await client.get(`${shop.url}/a`)).text();
  expect(textsOf(echoed).filter((text) => text === "max_uses=1")).toHaveLength(1);
  expect(textsOf(echoed).filter((text) => text.startsWith("purpose="))).toEqual([]);
  expect(await taken(shop, echoed)).toBe(402);
});

test.each([
  ["a path that no caveat can name", "/a*b"],
  ["a path that is too long for a caveat", `/${"a".repeat(1200)}`],
])("%s leaves the end and the use", async (_what, path) => {
  const world = await town();
  const { shop, child, relay } = await family(world, { uses: 100, endpoints: ENDPOINTS });
  shop.answers.push(echo(shop));
  const echoed = await (await relay(child, { path })).text();
  expect(await taken(shop, echoed, path)).toBe(402);
  expect(textsOf(echoed).slice(-3)).toEqual([
    `valid_until=${world.clock() + 60}`,
    expect.stringMatching(/^purpose=[0-9a-f]{16}$/),
    "max_uses=1",
  ]);
});

test.each(
  ["/echo/a;b", "/echo/*", "/echo/**", "/echo/a*b", `/echo/${"a".repeat(1200)}`].map((path) => [
    path.slice(0, 20),
    path,
  ]),
)("a path that no caveat can name, %s, shows what its agent may request", async (_path, path) => {
  const world = await town();
  const { shop, parent, relay } = await family(world, { validFor: "1h", endpoints: ENDPOINTS });
  const scope = { endpoints: [`GET ${shop.url}/echo/*`], maxUses: 1 };
  const child = parent.delegate({ agent: "narrow", ...scope }, { now: world.clock() });
  shop.answers.push(echo(shop));
  const echoed = await (await relay(child, { path })).text();
  expect(textsOf(echoed).slice(-2)).toEqual([
    `endpoints=GET ${shop.url}/echo/*`,
    `valid_until=${world.clock() + 60}`,
  ]);
  expect(await taken(shop, echoed, path)).toBe(200);
  expect(await taken(shop, echoed, "/other")).toBe(402);
  expect(world.paid().count).toBe(1);
});

test.each<[string, readonly string[] | undefined, readonly unknown[]]>([
  [
    "all four",
    ["endpoints", "valid_until", "purpose", "max_uses"],
    [/^endpoints=/, /^valid_until=/, /^purpose=/, /^max_uses=1$/],
  ],
  ["no purpose", ["endpoints", "valid_until", "max_uses"], [/^endpoints=/, /^valid_until=/]],
  ["no max_uses", ["endpoints", "valid_until", "purpose"], [/^endpoints=/, /^valid_until=/]],
  ["no endpoints", ["valid_until", "purpose", "max_uses"], [/^purpose=/, /^max_uses=1$/]],
  ["nothing", undefined, []],
])("what a relay appends where the service lists %s", async (_what, enforced, appended) => {
  const world = await town();
  const shop = await site(async ({ headers }, response, url) => {
    if (headers.authorization !== undefined) return response.end(headers.authorization);
    const scope = { endpoints: [`* ${url}/**`], expiresIn: "1h", maxUses: 100 } as const;
    ask402(response, await challenger(world, url).demand({ enforced, scope }));
  });
  const client = world.connect(world.mint({ maxUses: 5 }));
  const texts = textsOf(await (await client.get(`${shop.url}/a`)).text());
  // The three of the scope come first.
  expect(texts.slice(3)).toEqual(appended.map((text) => expect.stringMatching(text as RegExp)));
});

test("a second presentation, without the time, leaves the use", async () => {
  const world = await town();
  const { shop, child, relay } = await family(world, { uses: 100 }, 2);
  // A cache before the service refuses the first one.
  const seen: string[] = [];
  shop.answers.push(async (response) => {
    seen.push(shop.received.at(-1)!.headers.authorization!);
    ask402(response, await challenger(world, shop.url).demand());
  }, echo(shop));
  const echoed = await (await relay(child)).text();
  expect(textsOf(seen[0]!).slice(-3)[0]).toBe(`valid_until=${world.clock() + 60}`);
  expect(textsOf(echoed).slice(-3)).toEqual([
    `endpoints=GET ${shop.url}/a`,
    expect.stringMatching(/^purpose=[0-9a-f]{16}$/),
    "max_uses=1",
  ]);
  expect(textsOf(echoed).at(-2)).not.toBe(textsOf(seen[0]!).at(-2));
  expect(await taken(shop, echoed)).toBe(402);
  world.clock.advance("30m");
  expect(await taken(shop, echoed)).toBe(402);
  expect(world.alarms).toEqual([]);
});

test("an answer that gives its use back leaves one, for a minute", async () => {
  const world = await town();
  const { shop, child, relay } = await family(world, { uses: 100 });
  shop.answers.push(echo(shop, 404));
  const echoed = await (await relay(child)).text();
  expect(await taken(shop, echoed)).toBe(200);
  expect(await taken(shop, echoed)).toBe(402);
  expect(shop.served).toHaveLength(1);
});

const GIVEN = { headers: [["idempotency-key", "order-42"]] } as const;

test("a request that is repeated has the answer that the service kept, and its own use again", async () => {
  const world = await town();
  const { shop, child, relay } = await family(world, { uses: 100 }, 3);
  const first = await (await relay(child, GIVEN)).text();
  expect(await (await relay(child, GIVEN)).text()).toBe(first);
  expect(shop.served).toHaveLength(1);
  expect(await (await relay(child)).text()).toBe('{"served":2}');
});

test.each(MANY)(
  "a key whose answer the service did not keep is not served twice: %s",
  async (_what, grants) => {
    const world = await town();
    const { shop, child, relay } = await family(world, grants, 3);
    let answers = 0;
    const large: Shop["answers"][number] = (response) => {
      answers++;
      response.end("x".repeat(70_000));
    };
    shop.answers.push(large, large);
    expect((await relay(child, GIVEN)).status).toBe(200);
    expect((await relay(child, GIVEN)).status).toBe(422);
    expect(answers).toBe(1);
  },
);

test("the limit of a relay has an end, after which a ledger may forget its count [case 117]", async () => {
  const store = new MemoryStore();
  const world = await town();
  const shop = await world.openShop(
    { price: "10 sat", grants: { uses: 100, validFor: "1h" } },
    { store },
  );
  const reserved: (number | undefined)[] = [];
  const reserve = store.reserve.bind(store);
  store.reserve = (reservation) => {
    for (const { expiresAt } of reservation.counted) reserved.push(expiresAt);
    return reserve(reservation);
  };
  const client = world.connect(world.mint({ maxUses: 5 }));
  for (let time = 0; time < 2; time++) await (await client.get(`${shop.url}/a`)).text();
  const end = world.clock() + 60;
  // The pass first, which ends later.
  expect(reserved).toEqual([world.clock() + 3600, end, world.clock() + 3600, end]);
});
