/** A paywall that takes the place of one that serves. */
import { expect, test } from "vitest";
import { MemoryStore } from "../stores/memory.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { killedPaywall, LOCATION, START } from "./fixtures/killed-paywall.ts";
import type { Paywall, PaywallOptions } from "./index.ts";

const open = (options: Partial<PaywallOptions> = {}) =>
  killedPaywall({ store: new MemoryStore(), invoicer: new FakeInvoicer(() => START), ...options });

const ask = (paywall: Paywall, credential?: string, address?: string) =>
  paywall.authorize(
    new Request(`${LOCATION}/paid`, {
      headers: {
        "idempotency-key": "k",
        ...(credential !== undefined && { authorization: `L402 ${credential}` }),
      },
    }),
    address === undefined ? {} : { address },
  );

test.each([
  ["that replaces it has the answers that were kept", true, 200],
  ["beside it has none, and the credential is used up", false, 402],
])("a paywall %s", async (_what, replaces, status) => {
  const invoicer = new FakeInvoicer(() => START);
  const store = new MemoryStore();
  const first = open({ store, invoicer });
  const offer = await ask(first);
  const bought = invoicer.buy(offer.granted ? "" : offer.response.headers.get("www-authenticate")!);
  const decision = await ask(first, bought);
  if (!decision.granted) throw new Error("it was refused");
  const next = open({
    ...{ store, invoicer, price: "20 sat" },
    ...(replaces && { replaces: first }),
  });
  // While it runs, the other one knows.
  const running = await ask(next, bought);
  expect(running).toMatchObject({ status: replaces ? 409 : 402 });
  await (await decision.settle(new Response("sunny"))).text();
  const again = await ask(next, bought);
  expect(again).toMatchObject({ granted: false, status });
  if (replaces && !again.granted) expect(await again.response.text()).toBe("sunny");
});

test.each([
  ["goes on counting unpaid challenges", {}, 429],
  ["counts anew by rates of its own", { challengesPerMinute: { perClient: 9 } }, 402],
])("a paywall that replaces one %s", async (_what, rates, status) => {
  const first = open();
  for (let count = 0; count < 60; count++) await ask(first, undefined, "192.0.2.1");
  expect(await ask(first, undefined, "192.0.2.1")).toMatchObject({ status: 429 });
  const next = open({ replaces: first, ...rates });
  expect(await ask(next, undefined, "192.0.2.1")).toMatchObject({ status });
});
