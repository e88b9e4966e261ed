/** The orders of an agent that is revoked while they are under way. spec/4-purchase.md §6. */
import { describe, expect, test, vi } from "vitest";
import type { Credential } from "../l402/index.ts";
import { ask402, challenger, site, type Town, town } from "../testing/fixtures/town.ts";

const buy = (world: Town, credential: Credential, url: string) =>
  world.treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
  });

/** The caveats that lead from one credential to one below it. */
const caveatsBelow = (above: Credential, { caveats }: Credential) =>
  caveats.slice(above.caveats.length).map(({ condition, value }) => `${condition}=${value}`);

async function start() {
  const world = await town();
  const root = world.mint();
  const child = (of: Credential, agent: string) => of.delegate({ agent }, { now: world.clock() });
  const arrived: string[] = [];
  const gone: string[] = [];
  const { url } = await site(async ({ target, headers }, response) => {
    arrived.push(target);
    response.once("close", () => gone.push(target));
    if (target.startsWith("/paid") && headers.authorization === undefined)
      return ask402(response, await challenger(world, url).demand({ enforced: [] }));
    // Its answer has begun, and does not end.
    if (target.startsWith("/stream")) response.write("first");
    return undefined;
  });
  return { world, root, child, url, arrived, gone };
}

const firstPart = async (body: ReadableStream<Uint8Array> | null) => {
  const reader = body!.getReader();
  const { value } = await reader.read();
  return { text: new TextDecoder().decode(value), reader };
};

describe("a relayed answer", () => {
  test.each(["itself", "the node above it"])(
    "breaks off when its agent is revoked: %s; a sibling's goes on",
    async (which) => {
      const { world, root, child, url, gone } = await start();
      const above = child(root, "above");
      const [evil, good] = [child(above, "evil"), child(root, "good")];
      const streams = await Promise.all(
        [evil, good].map((who, at) => buy(world, who, `${url}/stream/${at}`)),
      );
      const [cut, kept] = await Promise.all(
        streams.map((purchase) => {
          if (purchase.kind !== "response") throw new Error("nothing was relayed");
          return firstPart(purchase.response.body);
        }),
      );
      expect([cut!.text, kept!.text]).toEqual(["first", "first"]);
      const next = cut!.reader.read();
      const revoked = which === "itself" ? evil : above;
      const { nodes } = world.treasury.authority.verifier.authenticate(revoked.toString());
      await world.treasury.owner.revoke(nodes.at(-1)!.id);
      await expect(next).rejects.toThrow();
      await vi.waitUntil(() => gone.length === 1);
      expect(gone).toEqual(["/stream/0"]);
      await kept!.reader.cancel();
    },
  );

  test("goes on when its agent is frozen", async () => {
    const { world, root, child, url, gone } = await start();
    const agent = child(root, "agent");
    const purchase = await buy(world, agent, `${url}/stream`);
    if (purchase.kind !== "response") throw new Error("nothing was relayed");
    const { reader } = await firstPart(purchase.response.body);
    const { node } = world.treasury.authority.verifier.authenticate(agent.toString());
    await world.treasury.owner.freeze(node.id);
    expect(gone).toEqual([]);
    await reader.cancel();
  });
});

test("an order whose service does not answer is refused with ERR_REVOKED when its agent is revoked", async () => {
  const { world, root, child, url, arrived } = await start();
  const evil = child(root, "evil");
  const order = buy(world, evil, `${url}/hang`);
  const refused = expect(order).rejects.toMatchObject({ code: "ERR_REVOKED" });
  await vi.waitUntil(() => arrived.length === 1);
  await world.treasury.revoke(root.toString(), caveatsBelow(root, evil));
  await refused;
});

test("a paid order whose service does not answer says that it has spent, and the payment is kept", async () => {
  const { world, root, child, url, arrived } = await start();
  const evil = child(root, "evil");
  const order = buy(world, evil, `${url}/paid`);
  const refused = expect(order).rejects.toMatchObject({ spent: "yes" });
  await vi.waitUntil(() => arrived.length === 2);
  await world.treasury.revoke(root.toString(), caveatsBelow(root, evil));
  await refused;
  expect(world.paid().count).toBe(1);
  expect(await world.treasury.owner.payments()).toMatchObject([{ status: "paid" }]);
});
