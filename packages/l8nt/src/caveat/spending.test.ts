/** A spend needs a budget of its own unit: a table, and the law that a ledger's count keeps it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Amount, msat, UNITS, type Unit } from "../amount.ts";
import { binaryOfUtf8 } from "../internal/bytes.ts";
import { MemoryStore } from "../stores/memory.ts";
import { CaveatChain, countersOf } from "./chain.ts";
import { uncountedSpend } from "./spending.ts";
import { treasuryVocabulary } from "./vocabulary.ts";

const usd = (value: bigint): Amount => ({ unit: "usd_micro", value });
const chainOf = (...caveats: string[]) =>
  new CaveatChain({
    caveats: caveats.map(binaryOfUtf8),
    vocabulary: treasuryVocabulary(),
    paymentHash: "00".repeat(32),
    places: { at: (count) => `place ${count} of ${caveats.slice(0, count).join()}` },
  });

describe("a spend needs a budget of its own unit", () => {
  test.each<[string, "access" | "spending", readonly string[], Amount, string | undefined]>([
    ["its own", "spending", ["budget_msat=1"], msat(5n), undefined],
    ["its own, within a window", "spending", ["budget_msat_per_day=1"], msat(5n), undefined],
    ["its own, in dollars", "spending", ["budget_usd_micro_per_hour=1"], usd(5n), undefined],
    ["both", "spending", ["budget_msat=1", "budget_usd_micro=1"], usd(5n), undefined],
    ["another one's", "spending", ["budget_msat=1"], usd(5n), "budget_usd_micro"],
    ["another one's, the other way", "spending", ["budget_usd_micro=1"], msat(5n), "budget_msat"],
    ["a cap of its price alone", "spending", ["max_price_msat=9"], msat(5n), "budget_msat"],
    ["uses alone", "spending", ["max_uses=9"], msat(5n), "budget_msat"],
    ["nothing", "spending", [], msat(5n), "budget_msat"],
    ["nothing to spend", "spending", ["budget_msat=1"], usd(0n), undefined],
    ["nothing, with access", "access", [], msat(5n), undefined],
    ["one use, with access", "access", ["max_uses=1"], usd(5n), undefined],
    ["its own, with access", "access", ["budget_usd_micro=1"], usd(5n), undefined],
    ["another one's, with access", "access", ["budget_usd_micro=1"], msat(5n), "budget_msat"],
    [
      "another one's below",
      "access",
      ["agent=a.00000000", "budget_msat=1"],
      usd(5n),
      "budget_usd_micro",
    ],
  ])("%s: %s", (_what, kind, caveats, amount, condition) => {
    expect(uncountedSpend(chainOf(...caveats), amount, kind)?.condition).toBe(condition);
  });

  test("the refusal says which budget is missing, and what was asked", () => {
    const chain = chainOf("budget_msat=1000", "agent=booker.00000000");
    expect(uncountedSpend(chain, usd(20_000n), "spending")).toMatchObject({
      code: "ERR_BUDGET",
      condition: "budget_usd_micro",
      have: "no budget in US dollars",
      need: "0.02 usd",
      node: { agent: "booker" },
    });
    expect(uncountedSpend(chainOf("budget_usd_micro=1"), msat(10_000n), "access")).toMatchObject({
      have: "no budget in bitcoin",
      need: "10 sat",
    });
  });
});

test("what is spent in one unit never counts against a limit of another", async () => {
  const spends = fc.array(
    fc.record({ unit: fc.constantFrom<Unit>(...UNITS), value: fc.bigInt(0n, 9n) }),
    { maxLength: 12 },
  );
  const { limits } = chainOf(
    "budget_msat=20",
    "budget_usd_micro=20",
    "budget_msat_per_day=15",
    "budget_usd_micro_per_day=15",
  );
  await fc.assert(
    fc.asyncProperty(spends, async (amounts) => {
      const store = new MemoryStore();
      const spent: Record<Unit, bigint> = { msat: 0n, usd_micro: 0n };
      for (const [at, amount] of amounts.entries()) {
        const counted = countersOf(limits);
        const { reserved } = await store.reserve({ id: `${at}`, at, counted, amount, uses: 0n });
        // The smallest limit of the unit decides, whatever was spent in the other.
        expect(reserved).toBe(spent[amount.unit] + amount.value <= 15n);
        if (!reserved) continue;
        await store.commit(`${at}`, amount, at);
        spent[amount.unit] += amount.value;
      }
      const usage = await store.usage(countersOf(limits), amounts.length);
      expect(usage.map(({ used }) => used)).toEqual(limits.map(({ unit }) => spent[unit!]));
    }),
    { numRuns: 200 },
  );
});
