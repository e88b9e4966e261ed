/** Stripe's own SDK: forms, versions and accounts. It has no streams, no tools and no models. */
import type { ServerResponse } from "node:http";
import type { Credential, Scope } from "l8nt";
import Stripe from "stripe";
import { describe, expect, test } from "vitest";
import {
  type Play,
  type Seen,
  town,
  VENDOR_KEY,
} from "../../packages/sigil/src/gateway/fixtures/town.ts";
import {
  errorOf,
  expectRefused,
  REVOKED,
  type Refusal,
  shownBy,
  type Town,
  VENDORS_OWN,
} from "./support/client.ts";
import { json } from "./support/play.ts";

const customer = (id: string) => ({
  id,
  object: "customer",
  email: "a@example.com",
  livemode: false,
});

const play: Play = ({ method, url }: Seen, answer: ServerResponse) => {
  if (method === "GET")
    return json(answer, {
      object: "list",
      data: [customer("cus_1"), customer("cus_2")],
      has_more: false,
      url: "/v1/customers",
    });
  const id = url.split("/")[3] ?? "cus_1";
  return json(
    answer,
    method === "DELETE" ? { id, object: "customer", deleted: true } : customer(id),
  );
};

const opened = () => town({ preset: "stripe", play });

function clientOf(world: Town, key: Credential | string) {
  const { hostname: host, port } = new URL(world.url);
  const text = typeof key === "string" ? key : key.toKey();
  return new Stripe(text, { host, port, protocol: "http" });
}

const fieldOf = ({ rawHeaders }: Seen, name: string): readonly string[] =>
  rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]!.toLowerCase() === name);

describe("stripe", () => {
  test("sends forms, its version and its names for requests as they are", async () => {
    const world = await opened();
    // No budget in dollars: Stripe charges nothing for a request.
    const key = world.mint({ budget: "1 sat", capabilities: { stripe: ["customers:write"] } });
    const made = await clientOf(world, key).customers.create(
      { email: "a@example.com", metadata: { order: "6735", "a b": "ü&=" } },
      { idempotencyKey: "order-6735", stripeAccount: "acct_1" },
    );
    expect(made.id).toBe("cus_1");
    const [seen] = world.seen as [Seen];
    expect([...new URLSearchParams(seen.body)]).toEqual([
      ["email", "a@example.com"],
      ["metadata[order]", "6735"],
      ["metadata[a b]", "ü&="],
    ]);
    expect(fieldOf(seen, "content-type")).toEqual(["application/x-www-form-urlencoded"]);
    expect(fieldOf(seen, "content-length")).toEqual([`${Buffer.byteLength(seen.body)}`]);
    expect(fieldOf(seen, "stripe-version")).toEqual([Stripe.API_VERSION]);
    expect(fieldOf(seen, "stripe-account")).toEqual(["acct_1"]);
    expect(fieldOf(seen, "idempotency-key")).toEqual(["order-6735"]);
    expect(fieldOf(seen, "authorization")).toEqual([`Bearer ${VENDOR_KEY}`]);
    expect(JSON.stringify(seen)).not.toContain("sk-sigil-");
    expect(world.rows).toMatchObject([{ capability: "customers:write", status: 200 }]);
  });

  test("lists and deletes with the capabilities for that", async () => {
    const world = await opened();
    const capabilities = { stripe: ["customers:read", "customers:delete"] };
    const { customers } = clientOf(world, world.mint({ capabilities }));
    const ids: string[] = [];
    for await (const { id } of customers.list({ limit: 2 })) ids.push(id);
    expect(ids).toEqual(["cus_1", "cus_2"]);
    expect(world.seen[0]!.url).toBe("/v1/customers?limit=2");
    expect((await customers.del("cus_1")).deleted).toBe(true);
    expect(await shownBy(() => customers.create({ email: "a@example.com" }))).toMatch(
      /customers:write/,
    );
    expect([world.rows.length, world.denials.length]).toEqual([2, 1]);
  });

  test("counts uses", async () => {
    const world = await opened();
    const { customers } = clientOf(world, world.mint({ maxUses: 2 }));
    await customers.list();
    await customers.list();
    expect(await shownBy(() => customers.list())).toMatch(/use/);
    expect(world.seen).toHaveLength(2);
    expect(world.denials.map(({ facts }) => [facts.status, facts.code])).toEqual([
      [402, "uses_exhausted"],
    ]);
  });

  test.each<readonly [number, string]>([
    [401, "Invalid API Key provided"],
    [403, "The provided key does not have the required permissions"],
  ])(
    "is told that the gateway's key was refused with %i, and does not try again",
    async (status, message) => {
      const world = await opened();
      world.play((_request, answer) =>
        json(answer, { error: { type: "invalid_request_error", message } }, status),
      );
      const shown = await shownBy(() => clientOf(world, world.mint()).customers.list());
      expect(shown).toMatch(/stripe refused the key of this gateway/);
      expect(shown).not.toContain(message);
      expect(world.seen).toHaveLength(1);
    },
  );

  const scoped = (scope: Scope) => (world: Town) => world.mint(scope).toKey();
  const refusals: readonly Refusal[] = [
    {
      what: "lacks the capability",
      status: 403,
      code: "capability_not_allowed",
      reason: /you have refunds:read; you need customers:write/,
      key: scoped({ capabilities: { stripe: ["refunds:read"] } }),
    },
    REVOKED,
    VENDORS_OWN,
  ];
  test.each(refusals)(
    "with a key that $what shows the reason, and does not try again",
    async (refusal) => {
      const world = await opened();
      const { customers } = clientOf(world, await refusal.key(world));
      const error = await errorOf(() => customers.create({ email: "a@example.com" }));
      expect(String(error)).toMatch(refusal.reason);
      expect(error).toHaveProperty("statusCode", refusal.status);
      const { raw } = error as { raw?: unknown };
      expect(raw).toHaveProperty("sigil", expect.stringMatching(/^ERR_/));
      expectRefused(world, refusal);
    },
  );
});
