/**
 * The `Idempotency-Key` that a client makes for a request is not taken for one of the caller's.
 * spec/4-purchase.md §4.6.
 */
import { describe, expect, test } from "vitest";
import { Credential } from "../l402/index.ts";
import { ask402, challenger, site, type Town, town } from "../testing/fixtures/town.ts";

const RELAYED = { maxUses: 100 };
const MINE = { headers: { "idempotency-key": "mine" } };

/** Serves a credential once, keeps the answer for the key, and loses its answers for a while. */
async function keeperIn(world: Town) {
  const kept = new Map<string, string>();
  const used = new Set<string>();
  const state = { isLosing: false, served: 0, presented: [] as string[], asked: [] as string[] };
  const shop = await site(async ({ headers }, response, url) => {
    const key = String(headers["idempotency-key"]);
    const text = headers.authorization?.replace(/^L402 /, "");
    const hash = text === undefined ? undefined : Credential.parse(text).paymentHash;
    (hash === undefined ? state.asked : state.presented).push(key);
    const name = `${hash} ${key}`;
    if (hash !== undefined && !used.has(hash)) {
      used.add(hash);
      kept.set(name, `answer ${++state.served}`);
    }
    const answer = kept.get(name);
    if (answer === undefined) {
      const scope = { endpoints: [`* ${url}/**`], maxUses: 1, expiresIn: "1h" } as const;
      return ask402(response, await challenger(world, url).demand({ scope }));
    }
    if (state.isLosing) response.socket!.resetAndDestroy();
    else response.end(answer);
  });
  return { url: `${shop.url}/a`, state };
}

const ordersOf = ({ asked }: Town) =>
  asked
    .filter(({ target }) => target === "/v1/purchases")
    .map(({ body }) => JSON.parse(body) as { headers: [string, string][]; madeKey?: boolean });

describe("relayed", () => {
  test("a POST whose answer was lost is answered by what the service kept, as a new order", async () => {
    const world = await town();
    const { url, state } = await keeperIn(world);
    const client = world.connect(world.mint(RELAYED));
    state.isLosing = true;
    await expect(client.post(url, "x")).rejects.toMatchObject({ code: "ERR_PAID_NOT_DELIVERED" });
    state.isLosing = false;
    expect(await (await client.post(url, "x")).text()).toBe("answer 1");
    expect(world.paid().count).toBe(1);
    // Not a key that the client made for its unpaid requests.
    for (const key of state.presented) expect(state.asked).not.toContain(key);
  });

  test("a POST with the caller's own key reaches the service under it", async () => {
    const world = await town();
    const { url, state } = await keeperIn(world);
    const client = world.connect(world.mint(RELAYED));
    state.isLosing = true;
    await expect(client.post(url, "x", MINE)).rejects.toMatchObject({
      code: "ERR_PAID_NOT_DELIVERED",
    });
    state.isLosing = false;
    expect(await (await client.post(url, "x", MINE)).text()).toBe("answer 1");
    expect(world.paid().count).toBe(1);
    expect(new Set([...state.asked, ...state.presented])).toEqual(new Set(["mine"]));
  });
});

test("the order says which keys the client made", async () => {
  const world = await town();
  const { url } = await keeperIn(world);
  const client = world.connect(world.mint());
  await (await client.post(url, "x")).text();
  await (await client.post(url, "x", MINE)).text();
  await (await client.get(url)).text();
  const [made, given, none] = ordersOf(world);
  const keyOf = ({ headers }: { headers: [string, string][] }) =>
    headers.find(([name]) => name === "idempotency-key")?.[1];
  expect([made!.madeKey, typeof keyOf(made!)]).toEqual([true, "string"]);
  expect([given!.madeKey, keyOf(given!)]).toEqual([undefined, "mine"]);
  expect([none!.madeKey, keyOf(none!)]).toEqual([undefined, undefined]);
});
