import type { Scope } from "l8nt";
import { expect, test } from "vitest";
import { town } from "./fixtures/town.ts";

const NO_BUDGET = { budget: undefined } as unknown as Scope;

/** Each request is denied without `--shadow`, with this code. */
test.each<readonly [code: string, scope: Scope, body: object]>([
  ["budget_exhausted", { budget: "0.00001 usd" }, { max_tokens: 5_000 }],
  ["budget_missing", NO_BUDGET, {}],
  ["model_not_allowed", { models: ["gpt-other"] }, {}],
  ["model_not_priced", {}, { model: "gpt-unknown" }],
])("what is denied as %s is let through, metered and written down", async (code, scope, body) => {
  const strict = await town();
  const { model = "gpt-test" } = body as { model?: string };
  const denied = await strict.chat(strict.mint(scope), body);
  expect((await denied.json()).error.code).toBe(code);
  const shadow = await town({ isShadow: true });
  const response = await shadow.chat(shadow.mint(scope), body);
  expect(response.status).toBe(200);
  await response.text();
  await expect.poll(() => shadow.rows).toHaveLength(1);
  expect(shadow.denials).toEqual([]);
  // The usage of a model without a price has no cost.
  const spent = code === "model_not_priced" ? undefined : 210n;
  expect(shadow.rows).toMatchObject([{ wouldDeny: code, end: "answered", spent, model }]);
  // As it came: nothing is made smaller.
  expect(JSON.parse(shadow.seen[0]!.body)).toMatchObject({ max_tokens: 100, ...body });
});

test("a request that would get a lower output limit goes as it came, and counts", async () => {
  const shadow = await town({ isShadow: true });
  const key = shadow.mint({ budget: "0.005 usd" });
  const response = await shadow.chat(key, { max_tokens: 5_000 });
  expect([response.status, response.headers.get("sigil-output-limited")]).toEqual([200, null]);
  await response.text();
  await expect.poll(() => shadow.rows).toHaveLength(1);
  expect(shadow.rows).toMatchObject([{ wouldDeny: "output_limited", spent: 210n }]);
  expect(JSON.parse(shadow.seen[0]!.body).max_tokens).toBe(5_000);
  expect(await shadow.usage(key)).toEqual([[210n, 0n]]);
});

test("a request within its limits is as without it, and would not be denied", async () => {
  const shadow = await town({ isShadow: true });
  const key = shadow.mint();
  await (await shadow.chat(key)).text();
  await expect.poll(() => shadow.rows).toHaveLength(1);
  expect(shadow.rows).toMatchObject([{ wouldDeny: undefined, spent: 210n }]);
  expect(await shadow.usage(key)).toEqual([[210n, 0n]]);
});

test.each<readonly [what: string, status: number, code: string]>([
  ["no key", 401, "credential_missing"],
  ["a forged key", 401, "credential_invalid"],
  ["a key that has ended", 403, "credential_expired"],
  ["a key that was revoked", 403, "credential_revoked"],
  ["another capability", 403, "capability_not_allowed"],
  ["another capability, and no budget", 403, "capability_not_allowed"],
  ["another capability, and a model without a price", 403, "capability_not_allowed"],
  ["a path that is not listed", 403, "route_not_listed"],
  ["a body of two readings", 400, "duplicate_key"],
])("is denied as ever: %s", async (what, status, code) => {
  const shadow = await town({ isShadow: true });
  const { paywall } = shadow.service;
  const key = shadow.mint({
    ...(what.startsWith("another capability") && { capabilities: { openai: ["embeddings"] } }),
    ...(what.endsWith("no budget") && NO_BUDGET),
    ...(what === "a key that has ended" && { expiresIn: "1s" }),
  });
  if (what === "a key that has ended") shadow.time.now += 2;
  if (what === "a key that was revoked")
    await paywall.revoke(paywall.authority.verifier.authenticate(key).node.id);
  const text = key.toKey();
  const response = await shadow.chat(
    what === "a forged key" ? `${text.slice(0, -4)}AAAA` : key,
    what.endsWith("without a price") ? { model: "gpt-unknown" } : {},
    {
      ...(what === "no key" && { headers: { authorization: "" } }),
      ...(what === "a path that is not listed" && { path: "/v1/files" }),
      ...(what === "a body of two readings" && { body: '{"model":"a","model":"b"}' }),
    },
  );
  expect([response.status, (await response.json()).error.code]).toEqual([status, code]);
  expect(shadow.seen).toEqual([]);
});
