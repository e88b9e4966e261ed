import { describe, expect, test, vi } from "vitest";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall } from "./paywall.ts";
import type { PriceFunction } from "./price.ts";

/** The paywall's own origin, which is never what the request was sent to. */
const ORIGIN = "https://api.example";

async function asked(price: PriceFunction, target: string, init?: RequestInit) {
  const alarm = vi.fn();
  const invoicer = new FakeInvoicer();
  const paywall = new Paywall({
    secret: "3b5d2f6881a2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a",
    location: ORIGIN,
    invoicer,
    price,
    alarm,
  });
  const request = new Request(`http://127.0.0.1:8080${target}`, init);
  const decision = await paywall.authorize(request);
  return { decision, request, alarm, amountMsat: invoicer.requests[0]?.amountMsat };
}

describe("a price function is given", () => {
  test("the method, and the paywall's own origin with the path as it is judged", async () => {
    const seen: string[] = [];
    const price: PriceFunction = ({ method, url }) => {
      seen.push(`${method} ${url.href}`);
      return "1 sat";
    };
    await asked(price, "/a/%7euser?q=%2f&q=2", { method: "DELETE" });
    expect(seen).toEqual(["DELETE https://api.example/a/~user?q=%2f&q=2"]);
  });

  test("the fields of the request", async () => {
    const price: PriceFunction = ({ headers }) => `${headers.get("x-tokens")} sat`;
    expect(await asked(price, "/a", { headers: { "x-tokens": "7" } })).toMatchObject({
      amountMsat: 7000n,
    });
  });

  test.each([
    ["bytes", async ({ body }) => `${(await body()).length} sat`, 12_000n],
    ["text", async ({ text }) => `${(await text()).length} sat`, 12_000n],
    ["JSON", async ({ json }) => `${((await json()) as { tokens: 5 }).tokens} sat`, 5000n],
    [
      "bytes twice",
      async ({ body }) => `${(await body()).length + (await body()).length} sat`,
      24_000n,
    ],
  ] as [string, PriceFunction, bigint][])(
    "the body as %s, which the handler can still read",
    async (_, price, amount) => {
      const { request, amountMsat } = await asked(price, "/a", {
        method: "POST",
        body: '{"tokens":5}',
      });
      expect(await request.text()).toBe('{"tokens":5}');
      expect(amountMsat).toBe(amount);
    },
  );

  test("no body before it asks: a request that is priced by its URL keeps its stream", async () => {
    const { request } = await asked(() => "1 sat", "/a", { method: "POST", body: "whole" });
    expect(request.bodyUsed).toBe(false);
    expect(await request.text()).toBe("whole");
  });
});

describe("a body that cannot be priced is the caller's fault, and no alarm", () => {
  test.each([
    ["larger than 1 MiB", "x".repeat(1024 * 1024 + 1), 413, "ERR_TOO_LARGE"],
    ["no JSON", "{", 400, "ERR_REQUEST"],
    ["no UTF-8", new Uint8Array([0xff]), 400, "ERR_REQUEST"],
  ])("%s", async (_, body, status, code) => {
    const price: PriceFunction = async ({ json }) => `${await json()} sat`;
    const { decision, alarm, request } = await asked(price, "/a", { method: "POST", body });
    expect(decision).toMatchObject({ granted: false, status, error: { code } });
    expect(alarm).not.toHaveBeenCalled();
    expect((await request.arrayBuffer()).byteLength).toBeGreaterThan(0);
  });

  test("exactly 1 MiB is priced", async () => {
    const body = "x".repeat(1024 * 1024);
    const price: PriceFunction = async ({ body: read }) => `${(await read()).length} sat`;
    expect((await asked(price, "/a", { method: "POST", body })).amountMsat).toBe(1_048_576_000n);
  });
});

test("a framework that cannot give the body twice answers 503, and alarms the operator", async () => {
  const alarm = vi.fn();
  const paywall = new Paywall({
    secret: "3b5d2f6881a2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a",
    location: ORIGIN,
    invoicer: new FakeInvoicer(),
    alarm,
  });
  const route = paywall.route({ price: async ({ text }) => `${(await text()).length} sat` });
  const decision = await route.authorize({
    method: "POST",
    target: "/a",
    authorization: undefined,
    headers: () => new Headers(),
  });
  expect(decision).toMatchObject({ status: 503, error: { code: "ERR_PRICE_FUNCTION" } });
  expect(alarm).toHaveBeenCalledOnce();
});
