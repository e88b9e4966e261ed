/** What a 402 without L402 offers, and its prices: for a message, so nothing in it may fail. */
import { describe, expect, test } from "vitest";
import { otherSchemes } from "./other-schemes.ts";

const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");
const accepts = [
  {
    scheme: "exact",
    network: "base-sepolia",
    maxAmountRequired: "10000",
    asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    payTo: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
    extra: { name: "USDC", version: "2" },
  },
];
const json = (value: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(value), {
    status: 402,
    headers: { "content-type": "application/json", ...headers },
  });
const field = (text: string) =>
  new Response(null, { status: 402, headers: { "www-authenticate": text } });

describe("the price of each scheme", () => {
  test.each<[string, Response, readonly string[]]>([
    [
      "x402 version 1, in the body",
      json({ x402Version: 1, accepts }),
      ["x402 (10000 of the smallest unit of USDC, on base-sepolia)"],
    ],
    [
      "x402 version 2, in its header field",
      new Response(null, {
        status: 402,
        headers: {
          "payment-required": b64({
            x402Version: 2,
            accepts: [{ scheme: "exact", network: "eip155:84532", amount: "2500", asset: "0xabc" }],
          }),
        },
      }),
      ["x402 (2500 of the smallest unit of 0xabc, on eip155:84532)"],
    ],
    [
      "MPP",
      field(
        `Payment id="x", realm="api", method="tempo", intent="charge", request="${Buffer.from(
          JSON.stringify({ amount: "1000", currency: "0x20c0" }),
        ).toString("base64url")}"`,
      ),
      ["MPP (1000 of the smallest unit of 0x20c0, by tempo)"],
    ],
    ["MPP whose request cannot be read", field('Payment id=a;b, request={"a":1}'), ["MPP"]],
    ["others by their name", field('Basic realm="x", DPoP algs="ES256"'), ["basic", "dpop"]],
    ["none", new Response("<html>", { status: 402 }), []],
  ])("%s", async (_what, response, said) => {
    expect(await otherSchemes(response)).toEqual(said);
  });
});

test.each<[string, Response]>([
  [
    "a body that is no JSON",
    new Response("{", { headers: { "content-type": "application/json" } }),
  ],
  ["accepts of another form", json({ accepts: [null, 1, "x", []] })],
  ["a price of another form", json({ accepts: [{ amount: { x: 1 } }, { amount: "1e9" }] })],
  ["a field that is no base64", json(null, { "payment-required": "{}" })],
  ["texts that could forge a line of a log", json({ accepts: [{ amount: "1\\n2" }] })],
  ["a body that is too long", json({ accepts: "x".repeat(100_000) })],
])("%s is told as no price", async (_what, response) => {
  expect((await otherSchemes(response)).join()).toMatch(/^(x402)?$/);
});

test("a name of a stranger is left out if it has other characters than names have", async () => {
  const forged = json({ accepts: [{ amount: "5", network: "a\\nb", extra: { name: "<b>" } }] });
  expect(await otherSchemes(forged)).toEqual(["x402 (5)"]);
});
