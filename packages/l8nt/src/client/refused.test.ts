/**
 * A service that refuses a credential which it was paid for: the client reports it to the treasury,
 * by the rule by which the treasury judges a relayed answer.
 */
import { describe, expect, test } from "vitest";
import { Credential } from "../l402/index.ts";
import { ask402, challenger, site, type Town, town } from "../testing/fixtures/town.ts";

const FORGED = { code: "ERR_TOKEN_FORGED", detail: "The credential is not genuine here." };
const LOGIN = { code: "LOGIN", detail: "Who are you?" };
const SCOPE = { code: "ERR_SERVICE", detail: "Denied." };

type Refuse = (response: Parameters<typeof ask402>[0]) => void;

const withBody =
  (status: number, body: object, type = "application/problem+json"): Refuse =>
  (response) =>
    void response.writeHead(status, { "content-type": type }).end(JSON.stringify(body));

/** A service that sells passes, and refuses those that were sold before `refuse` was set. */
async function shopIn(world: Town) {
  const seen = new Set<string>();
  const retired = new Set<string>();
  const state = { refuse: undefined as Refuse | undefined, presented: 0, asked: 0 };
  const { url } = await site(async ({ headers }, response, home) => {
    const text = headers.authorization?.replace(/^L402 /, "");
    if (text === undefined) {
      state.asked++;
      return ask402(response, await challenger(world, home).demand());
    }
    state.presented++;
    const { paymentHash } = Credential.parse(text);
    seen.add(paymentHash);
    if (state.refuse !== undefined && retired.has(paymentHash)) return state.refuse(response);
    response.end("served");
  });
  const retire = (refuse: Refuse) => {
    for (const hash of seen) retired.add(hash);
    state.refuse = refuse;
  };
  return { url: `${url}/a`, state, retire };
}

/** A client with a pass that was handed over to it, and that served one request. */
async function start() {
  const world = await town();
  const shop = await shopIn(world);
  const client = world.connect(world.mint());
  expect((await client.get(shop.url)).status).toBe(200);
  expect(world.paid().count).toBe(1);
  return { world, shop, client };
}

describe("a pass that was handed over", () => {
  test("is replaced after a 401 with a token's code, as after a service changed its secret", async () => {
    const { world, shop, client } = await start();
    shop.retire(withBody(401, FORGED));
    const before = world.asked.length;
    expect(await (await client.get(shop.url)).text()).toBe("served");
    expect(world.paid().count).toBe(2);
    const { refused } = JSON.parse(world.asked[before]!.body) as { refused?: object };
    expect(refused).toMatchObject({ mayBeUsed: true });
    // The new pass is presented at once from then on.
    expect((await client.get(shop.url)).status).toBe(200);
    expect(world.asked).toHaveLength(before + 1);
    expect(world.alarms).toEqual([]);
  });

  test.each<[string, Refuse]>([
    ["401 of the handler's own", withBody(401, LOGIN)],
    ["401 without a problem", (response) => void response.writeHead(401).end()],
    ["401 whose code is in another content type", withBody(401, FORGED, "application/json")],
    ["403, which says that paying cannot help", withBody(403, SCOPE)],
    ["400 of a token's code", withBody(400, { ...FORGED, code: "ERR_TOKEN_AMBIGUOUS" })],
  ])("is not replaced after a %s: the answer is the caller's", async (_what, refuse) => {
    const { world, shop, client } = await start();
    shop.retire(refuse);
    for (let times = 0; times < 3; times++) {
      const response = await client.get(shop.url);
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.bodyUsed).toBe(false);
      await response.text();
    }
    expect(world.paid().count).toBe(1);
  });
});

test("a service that answers every paid credential with a token's 401 is paid once, and accused", async () => {
  const world = await town();
  const { url } = await site(async ({ headers }, response, home) =>
    headers.authorization === undefined
      ? ask402(response, await challenger(world, home).demand())
      : withBody(401, FORGED)(response),
  );
  const client = world.connect(world.mint());
  await expect(client.get(url)).rejects.toMatchObject({
    code: "ERR_PAID_NOT_DELIVERED",
    spent: "yes",
  });
  await expect(client.get(url)).rejects.toMatchObject({
    code: "ERR_ORIGIN_QUARANTINED",
    spent: "no",
  });
  expect(world.paid().count).toBe(1);
});

test("a 401 with a token's code to a request without a credential is the caller's, and pays nothing", async () => {
  const world = await town();
  const { url } = await site((_request, response) => withBody(401, FORGED)(response));
  expect((await world.connect(world.mint()).get(url)).status).toBe(401);
  expect(world.asked).toEqual([]);
});
