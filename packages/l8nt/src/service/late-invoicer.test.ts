/** A paywall whose wallet is opened at the first sale: a build loads the module without its URL. */
import { expect, test, vi } from "vitest";
import { openWallet } from "../open-wallet.ts";
import type { Invoicer } from "../ports/wallet.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall } from "./index.ts";

const location = "https://api.example";
const secret = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";

function world(invoicer: Invoicer | (() => Invoicer | Promise<Invoicer>)) {
  const alarm = vi.fn<(what: string, cause: unknown) => void>();
  const paywall = new Paywall({ secret, location, invoicer, alarm, price: "1 sat" });
  const status = async () => {
    const decision = await paywall.authorize(new Request(`${location}/a`));
    return decision.granted ? 200 : decision.response.status;
  };
  return { alarm, status };
}

test("a function is called once, at the first sale", async () => {
  const invoicer = new FakeInvoicer();
  const open = vi.fn(async () => invoicer);
  const { status } = world(open);
  expect(open).not.toHaveBeenCalled();
  expect([await status(), await status()]).toEqual([402, 402]);
  expect(open).toHaveBeenCalledTimes(1);
  expect(invoicer.requests).toHaveLength(2);
});

test("without the URL of a wallet the module loads, and each sale is 503 until it is there", async () => {
  const urls = [undefined, "dev+http://127.0.0.1:1/shop?key=00"];
  const { status, alarm } = world(async () => {
    await openWallet(urls.shift());
    return new FakeInvoicer();
  });
  expect(await status()).toBe(503);
  expect(alarm.mock.calls[0]?.[1]).toMatchObject({
    code: "ERR_WALLET",
    message: expect.stringContaining("SIGIL_WALLET"),
  });
  expect(await status()).toBe(402);
});

test("an alarm without a cause is printed without one", async () => {
  const print = vi.spyOn(console, "error").mockImplementation(() => {});
  const paywall = new Paywall({
    ...{ secret, location, invoicer: new FakeInvoicer(), price: "1 sat" },
  });
  const headers = { "x-forwarded-for": "192.0.2.1" };
  await paywall.authorize(new Request(`${location}/a`, { headers }));
  expect(print.mock.calls).toEqual([[expect.stringContaining("came through a proxy")]]);
  print.mockRestore();
});
