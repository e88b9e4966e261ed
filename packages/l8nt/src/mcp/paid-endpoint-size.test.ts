/** A body for which nobody has paid is read in little time. */
import { expect, test } from "vitest";
import { newPaywall } from "../middleware/fixtures/paywall.ts";
import { paidEndpoint } from "./endpoint.ts";

const endpoint = paidEndpoint(
  { paywall: newPaywall(), price: "10 sat" },
  () => new Response("handled"),
);
const ask = (body: string) =>
  endpoint(
    new Request("https://api.example/mcp", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    }),
  );
const call = (argument: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":${argument}}}}`;

test.each([
  ["members", `{${Array.from({ length: 100_000 }, (_, at) => `"k${at}":1`)}}`],
  ["elements", `[${"0,".repeat(100_000)}0]`],
  ["levels", "[".repeat(100_000) + "]".repeat(100_000)],
])("a message with 100,000 %s is refused, and asks for no payment", async (_, argument) => {
  expect((await ask(call(argument))).status).toBe(400);
});

test("a call with megabytes in one argument, or 10,000 elements, is offered for payment", async () => {
  for (const argument of [`"${"x".repeat(3_000_000)}"`, `[${"0,".repeat(10_000)}0]`])
    expect((await ask(call(argument))).status).toBe(402);
});
