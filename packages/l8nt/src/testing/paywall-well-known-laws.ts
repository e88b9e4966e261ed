/** Laws of the well-known paths: discovery and revocation. spec/3-challenge.md §6. */
import assert from "node:assert/strict";
import { Credential } from "../l402/index.ts";
import { LOCATION, type PaywallLaws, type RouteTerms, worthless } from "./paywall-laws.ts";
import type { RawRequest } from "./raw-http.ts";

export function wellKnownLaws({ law }: PaywallLaws): void {
  law(
    "the well-known path describes the service",
    { price: "10 sat", grants: { uses: 3 } },
    async (world) => {
      const response = await world.ask("/.well-known/l402");
      assert.equal(response.status, 200);
      const described = JSON.parse(response.body);
      assert.equal(described.version, "0");
      assert.equal(described.location, LOCATION);
      assert.ok(described.caveats.includes("max_uses"));
      assert.deepEqual(described.routes, [{ price: "10 sat", grants: { uses: 3 } }]);
      assert.equal((await world.ask("/.well-known/l402/nothing")).status, 404);
    },
  );

  const pass: RouteTerms = { price: "1 sat", grants: { validFor: "1h" } };
  const revocation = (caveats: unknown): Partial<RawRequest> => ({
    method: "POST",
    body: JSON.stringify({ caveats }),
    fields: [["content-type", "application/json"]],
  });
  const REVOCATIONS = "/.well-known/l402/revocations";
  const below = (parent: Credential, child: Credential): readonly string[] =>
    child.caveats
      .slice(parent.caveats.length)
      .map(({ condition, value }) => `${condition}=${value}`);

  law(
    "an ancestor revokes a child and everything below it, and stays valid itself [cases 27, 111]",
    pass,
    async (world) => {
      const parent = Credential.parse(await world.buy("/paid"));
      const child = parent.delegate({ agent: "scout", maxUses: 9 });
      const grandchild = child.delegate({ agent: "runner" });
      const sibling = parent.delegate({ agent: "scout", maxUses: 9 });
      const status = async (credential: Credential) =>
        (await world.ask("/paid", [credential.toString()])).status;
      for (const one of [parent, child, grandchild, sibling]) assert.equal(await status(one), 200);

      const revoked = await world.ask(
        REVOCATIONS,
        [parent.toString()],
        revocation(below(parent, child)),
      );
      assert.equal(revoked.status, 200);
      assert.deepEqual(JSON.parse(revoked.body), { node: world.grants[1]?.nodeId });
      for (const dead of [child, grandchild, child.attenuate({ maxUses: 1 })]) {
        const response = await world.ask("/paid", [dead.toString()]);
        assert.equal(response.status, 402);
        assert.equal(JSON.parse(response.body).code, "ERR_REVOKED");
      }
      for (const alive of [parent, sibling]) assert.equal(await status(alive), 200);
    },
  );

  law("a credential revokes nothing but its own descendants", pass, async (world) => {
    const parent = Credential.parse(await world.buy("/paid"));
    const child = parent.delegate({ agent: "scout" });
    const sibling = parent.delegate({ agent: "spy" });
    const attempts = [
      [sibling, below(parent, child)],
      [child, below(parent, child)],
      [child.delegate({ agent: "runner" }), below(parent, child)],
      [Credential.parse(await world.buy("/paid")), below(parent, child)],
    ] as const;
    for (const [by, caveats] of attempts)
      await world.ask(REVOCATIONS, [by.toString()], revocation(caveats));
    const own = await world.ask(REVOCATIONS, [child.toString()], revocation([]));
    assert.equal(own.status, 400);
    for (const one of [parent, child, sibling])
      assert.equal((await world.ask("/paid", [one.toString()])).status, 200);
  });

  law("a revocation needs a valid credential and a readable body", pass, async (world) => {
    const parent = Credential.parse(await world.buy("/paid"));
    const child = parent.delegate({ agent: "scout" });
    const asked = revocation(below(parent, child));
    const other = await world.buy("/paid");
    assert.equal((await world.ask(REVOCATIONS, [], asked)).status, 401);
    for (const [what, field] of worthless(parent.toString())) {
      const { fields = [] } = asked;
      const with_ = { ...asked, fields: [...fields, ["authorization", field]] } as const;
      assert.equal((await world.ask(REVOCATIONS, [], with_)).status, 401, what);
    }
    assert.equal((await world.ask(REVOCATIONS, [parent.toString(), other], asked)).status, 400);
    for (const body of [
      "",
      "{",
      "null",
      "[]",
      '{"caveats":"agent=x"}',
      '{"caveats":[1]}',
      '{"caveats":[]}',
      JSON.stringify({ caveats: Array(65).fill("agent=scout.0011223344556677") }),
    ])
      assert.equal(
        (await world.ask(REVOCATIONS, [parent.toString()], { ...asked, body })).status,
        400,
        body,
      );
    const huge = { ...asked, body: JSON.stringify({ caveats: ["agent=x".padEnd(70_000, "x")] }) };
    assert.equal((await world.ask(REVOCATIONS, [parent.toString()], huge)).status, 413);
    assert.equal((await world.ask("/paid", [child.toString()])).status, 200);
    world.time.now += 3600;
    assert.equal((await world.ask(REVOCATIONS, [parent.toString()], asked)).status, 403, "expired");
  });
}
