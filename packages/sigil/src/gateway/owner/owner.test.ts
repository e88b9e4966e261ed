/** Whom the owner's commands stop, if agents choose names that mean others. */
import type { Credential } from "l8nt";
import { expect, test } from "vitest";
import { answers, town } from "../fixtures/town.ts";
import { Agents } from "./agents.ts";
import { Owner, OwnerError } from "./owner.ts";

const UNSEEN = "2b1d16e6334c49107d1b21dd4c4103cc";

/** As a holder appends it who does not use this library, which refuses such a name. */
const named = (parent: Credential, name: string): Credential =>
  parent.append([`agent=${name}.0011223344556677`]);

async function owned(printed = () => undefined as string | undefined) {
  const agents = new Agents();
  const world = await town({ play: answers('{"data":[]}'), observers: [agents] });
  const { service, books, time, mint, url } = world;
  const owner = new Owner({
    services: () => [service],
    ledger: books,
    agents,
    clock: () => time.now,
    printed,
  });
  const { verifier } = service.paywall.authority;
  return {
    owner,
    mint,
    idOf: (key: Credential) => verifier.authenticate(key).node.id,
    status: async (key: Credential) => {
      const headers = { authorization: `Bearer ${key.toKey()}` };
      return (await fetch(`${url}/v1/models`, { headers })).status;
    },
  };
}

test("a node id that is also an agent's name stops nobody until one of them is meant", async () => {
  const { owner, mint, idOf, status } = await owned();
  const one = mint().delegate({ agent: "one" });
  const id = idOf(one);
  const other = named(mint(), id);
  for (const key of [one, other]) expect(await status(key)).toBe(200);
  const verbs = [
    () => owner.freeze(id, undefined),
    () => owner.thaw(id, undefined),
    () => owner.revoke(id),
    () => owner.topUp(id, { amount: "1 usd", until: 1_900_000_060 }),
  ];
  for (const verb of verbs) {
    const error = await verb().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OwnerError);
    expect(String(error)).toContain(`id:${id}`);
    expect(String(error)).toContain(`id:${idOf(other)}`);
  }
  for (const key of [one, other]) expect(await status(key)).toBe(200);
  expect(await owner.freeze(`id:${idOf(other)}`, undefined)).toBe(idOf(other));
  expect([await status(one), await status(other)]).toEqual([200, 403]);
  expect(await owner.freeze(`id:${id}`, undefined)).toBe(id);
  expect(await status(one)).toBe(403);
});

test("a name that looks like the id of a node that was never seen may be either", async () => {
  const { owner, mint, status } = await owned();
  const unseen = named(mint(), UNSEEN);
  expect(await owner.freeze(UNSEEN, undefined)).toBe(UNSEEN);
  expect(await status(unseen)).toBe(200);
  await expect(owner.freeze(UNSEEN, undefined)).rejects.toThrow("also the name of another agent");
  // As the names from the root to it.
  const below = mint().delegate({ agent: "a" }).delegate({ agent: "b" });
  expect(await status(below)).toBe(200);
  await owner.revoke("a/b");
  expect(await status(below)).toBe(403);
});

test("an id of an agent that has another name, or of one that was never seen, is that node", async () => {
  const { owner, mint, idOf, status } = await owned();
  const scout = mint().delegate({ agent: "scout" });
  expect(await status(scout)).toBe(200);
  expect(await owner.freeze(idOf(scout), undefined)).toBe(idOf(scout));
  expect(await owner.thaw("scout", undefined)).toBe(idOf(scout));
  expect(await owner.revoke(UNSEEN)).toBe(UNSEEN);
  await expect(owner.freeze("nobody", undefined)).rejects.toThrow("No agent of that name");
  await expect(owner.freeze("id:scout", undefined)).rejects.toThrow("No agent of that name");
});

test("two roots are told apart, and a name for both says their ids", async () => {
  let printed: string | undefined;
  const { owner, mint, idOf, status } = await owned(() => printed);
  const [now, before] = [mint(), mint()];
  expect(await status(before)).toBe(200);
  printed = idOf(now);
  await status(before.delegate({ agent: "scout" }));
  await status(now);
  const roots = (await owner.list()).map(({ node, name, isPrinted }) => [node, name, isPrinted]);
  expect(roots).toEqual([
    [idOf(before), "", false],
    [idOf(now), "", true],
    [expect.any(String), "scout", undefined],
  ]);
  const error = await owner.revoke("the root").catch((thrown: unknown) => String(thrown));
  for (const key of [now, before]) expect(error).toContain(`id:${idOf(key)}`);
  await owner.revoke(`id:${idOf(before)}`);
  expect([await status(before), await status(now)]).toEqual([403, 200]);
});

test("a gateway that prints no key calls each root the same", async () => {
  const { owner, mint, status } = await owned();
  await status(mint());
  expect((await owner.list())[0]).not.toHaveProperty("isPrinted");
});
