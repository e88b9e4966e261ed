/** What a 402 says of a credential: that another one would do, or that a condition of it denies. */
import { expect, test } from "vitest";
import { deniesCondition, isRefusal } from "./service-refusal.ts";

const problem = (code: string, status: number) => ({
  ...{ type: `urn:sigil:${code}`, title: "Denied", status, detail: "Denied.", code, spent: "no" },
  refusals: [{ code, condition: "c", have: "a", need: "b" }],
});

const answer = (status: number, code?: string) =>
  new Response(JSON.stringify(code === undefined ? {} : problem(code, status)), {
    status,
    headers: { "content-type": "application/problem+json" },
  });

test.each([
  ["ERR_CAPABILITY", true],
  ["ERR_SERVICE", true],
  ["ERR_PRICE", true],
  ["ERR_ENDPOINT", true],
  ["ERR_USES", true],
  ["ERR_BUDGET", true],
  ["ERR_TOKEN_FORGED", false],
  ["ERR_TOKEN_MISSING", false],
  ["ERR_REVOKED", false],
  ["ERR_EXPIRED", false],
  ["ERR_PAYMENT_REQUIRED", false],
  ["insufficient_quota", false],
  [undefined, false],
])("a 402 with %s", async (code, denies) => {
  expect(await deniesCondition(answer(402, code))).toBe(denies);
  expect(await deniesCondition(answer(401, code))).toBe(false);
  expect(await isRefusal(answer(402, code))).toBe(true);
});
