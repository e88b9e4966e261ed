/**
 * A revocation reaches every service that was handed something for the node, whatever the agent
 * does before: free children, orders and hand-overs without number. [cases 27, 111]
 */
import { expect, test } from "vitest";
import type { Credential } from "../l402/index.ts";
import { type Town, town } from "../testing/fixtures/town.ts";
import { REVOCATIONS_PATH } from "../wire/revocation.ts";
import { guardedFetch } from "./index.ts";

const SHOP = { price: "10 sat", grants: { validFor: "1h" } } as const;
const PASS = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;

interface World extends Town {
  /** How many requests to revoke something were sent to services. */
  readonly sent: () => number;
}

async function world(): Promise<World> {
  let sent = 0;
  const guarded = guardedFetch({ allowLoopback: true });
  const made = await town({
    fetch(input, init) {
      if (init?.method === "POST" && String(input).endsWith(REVOCATIONS_PATH)) sent++;
      return guarded(input, init);
    },
  });
  return { ...made, sent: () => sent };
}

const buy = async (world: World, credential: Credential, url: string): Promise<string> => {
  const purchase = await world.treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
  });
  if (purchase.kind !== "credential") throw new Error("it was relayed");
  return purchase.credential;
};
const present = async (credential: string, url: string) => {
  const response = await fetch(url, { headers: { authorization: `L402 ${credential}` } });
  await response.body?.cancel();
  return response.status;
};
const nodeOf = async (world: World, credential: Credential): Promise<string> =>
  (await world.treasury.standing(credential.toString())).at(-1)!.id;

/** Runs `work` for each number below `count`, 32 at a time. */
async function each(count: number, work: (number: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += 32)
    await Promise.all(
      Array.from({ length: Math.min(32, count - from) }, (_, at) => work(from + at)),
    );
}

test("990 free children delay no revocation by the owner: one request for each purchase, and all they hold is refused", async () => {
  const made = await world();
  const at = { now: made.clock() };
  const shop = await made.openShop(SHOP);
  const mallory = made.mint().delegate({ agent: "mallory" }, at);
  const urls = Array.from({ length: 8 }, (_, path) => `${shop.url}/${path}`);
  const held: [credential: string, url: string][] = [];
  for (const url of urls) held.push([await buy(made, mallory, url), url]);
  await each(990, async (number) => {
    const child = mallory.delegate({ agent: `child-${number}` }, at);
    await made.treasury.standing(child.toString());
    if (number % 10 > 0) return;
    const url = urls[(number / 10) % urls.length]!;
    held.push([await buy(made, child, url), url]);
  });
  expect(made.paid().count).toBe(8);
  expect(await present(...held.at(-1)!)).toBe(200);
  await made.treasury.owner.revoke(await nodeOf(made, mallory));
  expect(made.sent()).toBe(8);
  const answers = await Promise.all(held.map((one) => present(...one)));
  expect(new Set(answers)).toEqual(new Set([402]));
}, 120_000);

test("10,050 orders for what is held make the treasury forget nothing, of the agent or of another", async () => {
  const made = await world();
  const at = { now: made.clock() };
  const shop = await made.openShop(PASS);
  // Past the time in which a new process knows only what the books say.
  made.clock.advance("400s");
  const root = made.mint({ expiresIn: "2h" });
  const [mallory, other] = ["mallory", "other"].map((agent) => root.delegate({ agent }, at));
  const url = `${shop.url}/a`;
  const others = await buy(made, other!, url);
  const own = await buy(made, mallory!, url);
  await each(10_050, () => buy(made, mallory!, url));
  expect([await present(others, url), await present(own, url)]).toEqual([200, 200]);
  await made.treasury.owner.revoke(await nodeOf(made, other!));
  expect([await present(others, url), await present(own, url)]).toEqual([402, 200]);
  await made.treasury.owner.revoke(await nodeOf(made, mallory!));
  expect(await present(own, url)).toBe(402);
  expect(made.sent()).toBe(2);
}, 120_000);

test("a thousand revocations by an agent use up nothing of the nodes above it at the service", async () => {
  const made = await world();
  const at = { now: made.clock() };
  const shop = await made.openShop(PASS);
  const root = made.mint();
  const url = `${shop.url}/a`;
  await buy(made, root, url);
  const [mallory, other] = ["mallory", "other"].map((agent) => root.delegate({ agent }, at));
  const others = await buy(made, other!, url);
  const own = await buy(made, mallory!, url);
  const holder = made.connect(mallory!);
  await each(1000, async (number) => {
    const child = mallory!.delegate({ agent: `child-${number}` }, at);
    await buy(made, child, url);
    await holder.revoke(child);
  });
  expect(made.sent()).toBe(1000);
  expect([await present(others, url), await present(own, url)]).toEqual([200, 200]);
  await made.connect(root).revoke(other!);
  expect([await present(others, url), await present(own, url)]).toEqual([402, 200]);
  await made.treasury.owner.revoke(await nodeOf(made, mallory!));
  expect(await present(own, url)).toBe(402);
  expect(made.sent()).toBe(1002);
  expect(made.paid().count).toBe(1);
}, 120_000);
