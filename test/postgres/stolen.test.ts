/** What a dump of the database shows of what a treasury bought. spec/4-purchase.md §4.7. */
import { expect, onTestFinished, test } from "vitest";
import { secretOf, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { placeOf, Wrapping } from "../../packages/l8nt/src/treasury/wrapping.ts";
import { Books } from "./support/books.ts";

test("no column of any table has a token, a preimage, or a credential of an agent", async () => {
  const books = new Books();
  onTestFinished(() => books.close());
  const store = Object.assign(await books.open(), { now: undefined });
  const world = await town({ store });
  onTestFinished(() => world.treasury.stop());
  const shop = await world.openShop({
    price: "10 sat",
    grants: { validFor: "1h", endpoints: ["GET /**"] },
  });
  const agent = world.mint().delegate({ agent: "scout" });
  const buy = (id: string) =>
    world.treasury.buy({
      id: id.padEnd(10, "-"),
      credential: agent.toString(),
      method: "GET",
      url: `${shop.url}/forecast`,
      headers: [],
    });
  const handed = await buy("first");
  expect(await buy("second")).not.toHaveProperty("payment");
  if (handed.kind !== "credential") throw new Error("it was relayed");

  const wrapping = new Wrapping(secretOf("the treasury"));
  const [record] = await store.payments({ limit: 1 });
  const { token, preimage } = record!;
  const bought = [
    await wrapping.unwrap(token, placeOf(record!, "token")),
    await wrapping.unwrap(preimage!, placeOf(record!, "preimage")),
  ];
  expect(bought[1]).toMatch(/^[0-9a-f]{64}$/);
  const signature = Buffer.from(bought[0]!, "base64").subarray(-32);
  const secrets = [
    ...bought,
    signature.toString("hex"),
    signature.toString("base64").replace(/=+$/, ""),
    handed.credential,
    ...agent.toString().split(":"),
  ] as string[];

  const tables = await books.sql<{ name: string }>(
    "SELECT c.relname AS name FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace",
  );
  expect(tables.length).toBeGreaterThan(10);
  for (const { name } of tables)
    for (const { row } of await books.sql<{ row: string }>(`SELECT t::text AS row FROM ${name} t`))
      for (const secret of secrets) expect(row.includes(secret), name).toBe(false);
});
