/**
 * Limits of the public-key form, which a service counts if they name its ledger.
 * spec/9-public-key.md §7.
 */
import { describe, expect, test } from "vitest";
import type { Scope } from "../caveat/index.ts";
import { Authority } from "../l402/index.ts";
import { Minter, seal } from "../public-key/index.ts";
import { writeKeyPage } from "../public-key/key-page.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall, type PaywallOptions } from "./index.ts";

const NOW = 1_800_000_000;
const issuer = "https://treasury.example";
const here = "https://api.example";
const there = "https://other.example";
const minter = new Minter({ privateKey: "11".repeat(32), issuer, clock: () => NOW });
const keys = writeKeyPage(issuer, [{ keyId: 0, publicKey: new Uint8Array(minter.publicKey) }]);
const scope = { endpoints: [`GET ${here}/**`, `GET ${there}/**`], expiresIn: "90d" } as const;

const secret = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";

const paywallAt = (location: string, options: Partial<PaywallOptions> = {}) =>
  new Paywall({
    location,
    secret,
    invoicer: new FakeInvoicer(() => NOW),
    trust: [issuer],
    price: "10 sat",
    clock: () => NOW,
    alarm: () => {},
    fetch: (async () =>
      new Response(keys, { headers: { "content-type": "application/json" } })) as typeof fetch,
    ...options,
  });

async function codeAt(paywall: Paywall, credential: unknown): Promise<string> {
  const request = new Request(`${paywall.authority.location}/a`, {
    headers: { authorization: `L402 ${credential}` },
  });
  const decision = await paywall.authorize(request);
  if (decision.granted) {
    await decision.finish(200);
    return "granted";
  }
  return ((await decision.response.json()) as { code: string }).code;
}

/** How many of `count` requests are granted, all at once; the others' codes must be `code`. */
async function grantedOf(paywall: Paywall, credential: unknown, count: number, code: string) {
  const codes = await Promise.all(Array.from({ length: count }, () => codeAt(paywall, credential)));
  expect(codes.filter((one) => one !== "granted").every((one) => one === code)).toBe(true);
  return codes.filter((one) => one === "granted").length;
}

describe("a limit that names this ledger", () => {
  test.each<[string, Scope, number, string]>([
    ["uses", { maxUses: 3 }, 3, "ERR_USES"],
    ["uses a minute", { maxUsesPerMinute: 4 }, 4, "ERR_USES"],
    ["a budget", { budget: "50 sat" }, 5, "ERR_BUDGET"],
    ["a budget a day", { budgetPerDay: "70 sat" }, 7, "ERR_BUDGET"],
  ])("%s: 20 at once are granted as often as it says", async (_name, limit, times, code) => {
    const paywall = paywallAt(here);
    const credential = minter.mint({ ...scope, ledger: here, ...limit });
    expect(await grantedOf(paywall, credential, 20, code)).toBe(times);
    expect(await codeAt(paywall, seal(credential))).toBe(code);
  });

  test("a window begins anew", async () => {
    const time = { now: NOW };
    const paywall = paywallAt(here, { clock: () => time.now });
    const credential = minter.mint({ ...scope, ledger: here, maxUsesPerMinute: 2 });
    expect(await grantedOf(paywall, credential, 5, "ERR_USES")).toBe(2);
    time.now += 120;
    expect(await grantedOf(paywall, credential, 5, "ERR_USES")).toBe(2);
  });

  test("those that were made from one credential share its place", async () => {
    const paywall = paywallAt(here);
    const credential = minter.mint({ ...scope, ledger: here, maxUses: 5 });
    const [a, b] = [credential.delegate({ agent: "a" }), credential.delegate({ agent: "b" })];
    expect(await grantedOf(paywall, a, 3, "")).toBe(3);
    expect(await grantedOf(paywall, seal(b), 6, "ERR_USES")).toBe(2);
    expect(await codeAt(paywall, credential)).toBe("ERR_USES");
    const other = minter.mint({ ...scope, ledger: here, maxUses: 5 });
    expect(await codeAt(paywall, other)).toBe("granted");
  });
});

describe("which block names the ledger", () => {
  const limits = (base: Scope, ...more: readonly Scope[]) =>
    more.reduce(
      (made, one) => made.attenuate(one, { now: NOW }),
      minter.mint({ ...scope, ...base }),
    );
  test.each<[string, Scope, readonly Scope[], string]>([
    ["its own", { ledger: here, maxUses: 1 }, [], "granted"],
    ["its own, below", {}, [{ ledger: here, maxUses: 1 }], "granted"],
    ["one before", { ledger: here }, [{ purpose: "x" }, { maxUses: 1 }], "granted"],
    ["none", { maxUses: 1 }, [], "ERR_USES"],
    ["none, a budget", { budget: "50 sat" }, [], "ERR_BUDGET"],
    ["one after", { maxUses: 1 }, [{ ledger: here }], "ERR_USES"],
    ["between two limits", { maxUses: 1 }, [{ ledger: here, maxUses: 1 }], "ERR_USES"],
    ["that of another service", { ledger: there, maxUses: 1 }, [], "ERR_LEDGER"],
    ["another one below", { ledger: here, maxUses: 1 }, [{ ledger: there }], "ERR_LEDGER"],
    ["another one, without a limit", { ledger: there }, [], "ERR_LEDGER"],
    ["this one, without a limit", { ledger: here }, [], "granted"],
  ])("%s", async (_name, base, more, code) => {
    expect(await codeAt(paywallAt(here), limits(base, ...more))).toBe(code);
  });
});

test("two services count their own slices alone", async () => {
  const [one, other] = [paywallAt(here), paywallAt(there)];
  const credential = minter.mint(scope);
  const mine = credential.delegate({ agent: "a", ledger: here, maxUses: 3 }, { now: NOW });
  const yours = credential.delegate({ agent: "a", ledger: there, maxUses: 2 }, { now: NOW });
  expect(await codeAt(one, yours)).toBe("ERR_LEDGER");
  expect(await codeAt(other, mine)).toBe("ERR_LEDGER");
  expect(await grantedOf(one, mine, 9, "ERR_USES")).toBe(3);
  expect(await grantedOf(other, yours, 9, "ERR_USES")).toBe(2);
});

test("macaroons: a service judges the ledger, and counts limits without one", async () => {
  const paywall = paywallAt(`${here}/v1`);
  const { minter } = new Authority({ secret, location: here, clock: () => NOW });
  expect(await codeAt(paywall, minter.mint({ ...scope, budget: "50 sat" }))).toBe("granted");
  for (const [ledger, code] of [
    [`${here}/v1`, "granted"],
    [here, "ERR_LEDGER"],
    [`${here}/v2`, "ERR_LEDGER"],
    [there, "ERR_LEDGER"],
  ] as const)
    expect(await codeAt(paywall, minter.mint({ ...scope, ledger, budget: "50 sat" }))).toBe(code);
});
