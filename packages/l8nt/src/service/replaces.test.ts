/** A paywall that takes the place of one that serves. */
import { describe, expect, test } from "vitest";
import { Authority } from "../l402/index.ts";
import { Minter } from "../public-key/index.ts";
import { writeKeyPage } from "../public-key/key-page.ts";
import { MemoryStore } from "../stores/memory.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { killedPaywall, LOCATION, START } from "./fixtures/killed-paywall.ts";
import { Paywall, type PaywallOptions } from "./index.ts";

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

describe("what a paywall without a store or revocations of its own had in memory goes on", () => {
  const SECRET = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";
  const clock = () => START;
  const own = { secret: SECRET, location: LOCATION, clock, alarm: () => {} };
  const issuer = new Minter({
    ...{ privateKey: "11".repeat(32), issuer: "https://treasury.example" },
    ...{ location: LOCATION, clock },
  });
  const page = writeKeyPage("https://treasury.example", [
    { keyId: 0, publicKey: new Uint8Array(issuer.publicKey) },
  ]);
  const trusting = {
    ...{ trust: ["https://treasury.example"], location: LOCATION, clock, alarm: () => {} },
    fetch: (async () => Response.json(JSON.parse(page))) as typeof fetch,
  };
  const scope = { endpoints: [`GET ${LOCATION}/**`], expiresIn: "1h" } as const;
  const codeAt = async (paywall: Paywall, credential: unknown) => {
    const headers = { authorization: `L402 ${credential}` };
    const decision = await paywall.authorize(new Request(`${LOCATION}/a`, { headers }));
    if (!decision.granted) return ((await decision.response.json()) as { code: string }).code;
    await decision.finish(200);
    return decision.grant.nodeId!;
  };

  test.each<[string, PaywallOptions, () => unknown]>([
    ["macaroons", own, () => new Authority({ secret: SECRET, location: LOCATION, clock }).minter],
    ["the public-key form", trusting, () => issuer],
  ])("%s", async (_form, options, minterOf) => {
    const minter = minterOf() as Minter;
    const root = minter.mint({ ...scope, ledger: LOCATION, maxUses: 2 });
    const child = root.delegate({ agent: "a" });
    const first = new Paywall(options);
    await first.revoke(await codeAt(first, child));
    expect(await codeAt(first, child)).toBe("ERR_REVOKED");
    const next = new Paywall({ ...options, replaces: first });
    expect(await codeAt(next, child)).toBe("ERR_REVOKED");
    // One of its two uses was taken by the child.
    expect(await codeAt(next, root)).toMatch(/^[0-9a-f]{32}$/);
    expect(await codeAt(next, root)).toBe("ERR_USES");
    const third = new Paywall({ ...options, replaces: next });
    expect(await codeAt(third, root)).toBe("ERR_USES");
    const other = minter.mint(scope);
    expect(await codeAt(third, other)).toMatch(/^[0-9a-f]{32}$/);
    // The first one may still serve, and learns what the last one is told.
    await third.freeze();
    expect(await codeAt(first, other)).toBe("ERR_FROZEN");
    // One beside them does not.
    expect(await codeAt(new Paywall(options), other)).toMatch(/^[0-9a-f]{32}$/);
  });

  test("a store, or revocations, of its own are its own", async () => {
    const first = new Paywall(own);
    const credential = first.authority.minter.mint({ ...scope, maxUses: 1 });
    const node = await codeAt(first, credential);
    const next = new Paywall({ ...own, replaces: first, store: new MemoryStore() });
    expect(await codeAt(next, credential)).toBe(node);
    await first.revoke(node);
    const log = new MemoryStore();
    const followed = new Paywall({ ...own, replaces: first, revocations: { store: log } });
    await followed.ready();
    expect(await codeAt(followed, first.authority.minter.mint(scope))).toMatch(/^[0-9a-f]{32}$/);
    followed.close();
  });
});
