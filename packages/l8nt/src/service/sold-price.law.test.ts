/**
 * Laws of a price that moves between challenge and use: what was paid for is served, and nothing is
 * served that was not paid for. spec/2-caveats.md §6.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { AmountText } from "../amount.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall } from "./paywall.ts";
import type { PriceFacts, PriceFunction } from "./price.ts";

const NOW = 1_900_000_000;
const ORIGIN = "https://api.example";

/** A request, as a client makes it. */
interface Asked {
  readonly query: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a price function reads, in order; later parts only if the first one says so. */
type Part = "query" | "x-size" | "x-tier" | "has x-tier" | "all fields" | "body" | "json";

const PARTS: readonly Part[] = [
  "query",
  "x-size",
  "x-tier",
  "has x-tier",
  "all fields",
  "body",
  "json",
];

/** Reads one part of a request, as a price function does. */
async function read(part: Part, facts: PriceFacts): Promise<string> {
  const { url, headers, text, json } = facts;
  switch (part) {
    case "query":
      return url.search;
    case "has x-tier":
      return String(headers.has("x-tier"));
    case "all fields":
      return JSON.stringify([...headers].filter(([name]) => name.startsWith("x-")));
    case "body":
      return text();
    case "json":
      return JSON.stringify(await json().catch(() => null));
    default:
      return headers.get(part) ?? "";
  }
}

interface Pricing {
  readonly parts: readonly Part[];
  /** Whether the second half is read only if the first half has an even number of characters. */
  readonly adaptive: boolean;
  /** The factor of each point of time. */
  readonly factors: readonly [then: number, now: number];
}

/** A price that depends on what is read, and on the time. */
const priceAt =
  ({ parts, adaptive, factors }: Pricing, time: () => 0 | 1): PriceFunction =>
  async (facts) => {
    let seen = "";
    for (const [at, part] of parts.entries()) {
      if (adaptive && at >= parts.length / 2 && seen.length % 2 === 1) break;
      seen += await read(part, facts);
    }
    const sum = [...seen].reduce((total, char) => total + char.charCodeAt(0), 7);
    return `${(sum % 13) * factors[time()] + 1} msat` as AmountText;
  };

const text = fc.constantFrom("", "1", "22", "x");
const asked: fc.Arbitrary<Asked> = fc.record({
  query: fc.constantFrom("", "?n=1", "?n=20", "?n=%31"),
  fields: fc
    .record({ "x-size": text, "x-tier": text, "x-other": text }, { requiredKeys: [] })
    .map((fields) => Object.fromEntries(Object.entries(fields))),
  body: fc.constantFrom("", "1", "[1]", "[ 1 ]"),
});
const pricing: fc.Arbitrary<Pricing> = fc.record({
  parts: fc.uniqueArray(fc.constantFrom(...PARTS), { maxLength: 4 }),
  adaptive: fc.boolean(),
  factors: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
});

function world(terms: Pricing, uses: number | undefined) {
  let at: 0 | 1 = 0;
  const invoicer = new FakeInvoicer(() => NOW);
  const price = priceAt(terms, () => at);
  const paywall = new Paywall({
    secret: "5e8d1c0b7a2f4936e1d0c9b8a7968574635241302f1e0dfcebdac9b8a7f6e5d4",
    location: ORIGIN,
    invoicer,
    clock: () => NOW,
    price,
    ...(uses !== undefined && { grants: { uses } }),
    alarm: (what, cause) => {
      throw new Error(what, { cause });
    },
  });
  const ask = async ({ query, fields, body }: Asked, credential?: string) => {
    const request = new Request(`${ORIGIN}/a${query}`, {
      method: "POST",
      headers: { ...fields, ...(credential !== undefined && { authorization: credential }) },
      body,
    });
    const decision = await paywall.authorize(request);
    if (decision.granted) await decision.finish(200);
    return decision;
  };
  return {
    ask,
    /** The price of a request at a point of time, as the price function alone says. */
    async priceOf({ query, fields, body }: Asked, when: 0 | 1): Promise<bigint> {
      const request = new Request(`${ORIGIN}/a${query}`, { method: "POST", headers: fields, body });
      const facts: PriceFacts = {
        method: "POST",
        url: new URL(request.url),
        headers: request.headers,
        body: async () => new TextEncoder().encode(body),
        text: async () => body,
        json: async () => JSON.parse(body),
      };
      return BigInt((await priceAt(terms, () => when)(facts)).split(" ")[0]!);
    },
    async buy(what: Asked): Promise<string> {
      const refused = await ask(what);
      if (refused.granted || refused.offer === undefined) throw new Error("nothing was offered");
      return `L402 ${invoicer.buy(refused.challengeLines)}`;
    },
    move: () => {
      at = 1;
    },
  };
}

test("the very request that was priced is served as often as it was paid for, wherever its price went", async () => {
  await fc.assert(
    fc.asyncProperty(pricing, asked, fc.option(fc.constant(2)), async (terms, request, uses) => {
      const { ask, buy, move } = world(terms, uses ?? undefined);
      const credential = await buy(request);
      move();
      for (let use = 0; use < (uses ?? 1); use++)
        expect((await ask(request, credential)).granted).toBe(true);
      expect(await ask(request, credential)).toMatchObject({
        granted: false,
        error: { code: "ERR_USES" },
      });
    }),
  );
});

test("a request is served only if what was paid is its price now, or was its price at the challenge", async () => {
  let [served, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(pricing, asked, asked, async (terms, priced, other) => {
      const { ask, buy, move, priceOf } = world(terms, undefined);
      const credential = await buy(priced);
      const paid = await priceOf(priced, 0);
      move();
      const decision = await ask(other, credential);
      if (decision.granted) {
        served++;
        const [then, now] = [await priceOf(other, 0), await priceOf(other, 1)];
        expect(then === paid || now <= paid).toBe(true);
      } else {
        refused++;
        expect(decision.error?.code).toBe("ERR_PRICE");
        expect(await priceOf(other, 1)).toBeGreaterThan(paid);
      }
    }),
    { numRuns: 400 },
  );
  // Permission beside refusal.
  expect(Math.min(served, refused)).toBeGreaterThan(20);
});
