/**
 * The laws of slices, with real credentials at two ledgers that do not know each other: together
 * they never spend more than what was held, and each spends all of its part.
 * spec/9-public-key.md §7.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { LOCATION, NOW, SECRET } from "../../../../test/fuzz/golden.ts";
import { countersOf, type Scope, targetOfUrl } from "../caveat/index.ts";
import { RevocationList, type Verifier } from "../credential/index.ts";
import { DeniedError } from "../errors.ts";
import { type Credential, HmacVerifier, Minter as MacaroonMinter } from "../l402/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { BiscuitVerifier, type Limits, Minter, slice } from "./index.ts";

const ORIGINS = ["https://a.example", "https://b.example"] as const;
const clock = () => NOW;
const BASE = { endpoints: ["* https://*/**"], expiresIn: "1h" } as const;
const biscuits = new Minter({ privateKey: "11".repeat(32), issuer: LOCATION, clock });
const macaroons = new MacaroonMinter({
  secret: SECRET,
  location: LOCATION,
  kind: "spending",
  clock,
});

const revocations = new RevocationList({ clock });
const biscuitsAt = ORIGINS.map(
  (ledger) =>
    new BiscuitVerifier({ keys: { find: () => biscuits.publicKey }, revocations, ledger }),
);
const macaroonsAt = ORIGINS.map(
  (ledger) => new HmacVerifier({ secret: SECRET, kind: "spending", revocations, ledger }),
);

/** Two services, each with a ledger of its own. */
class World {
  readonly #verifiers: readonly Verifier[];
  readonly #books = ORIGINS.map(() => new MemoryStore());
  #spends = 0;

  constructor(verifiers: readonly Verifier[]) {
    this.#verifiers = verifiers;
  }

  /** Whether a request at the price, in sat, is served. */
  async serve(credential: Credential, at: number, price: bigint): Promise<boolean> {
    const verified = this.#verifiers[at]!.authenticate(credential.toString());
    const amount = { unit: "msat", value: price * 1000n } as const;
    const target = targetOfUrl("GET", new URL(`${ORIGINS[at]}/x`))!;
    if (verified.judge({ now: NOW, target, price: amount }).length > 0) return false;
    const id = `spend-${this.#spends++}`;
    const counted = countersOf(verified.limits);
    const use = { id, at: NOW, amount, uses: 1n, counted };
    const { reserved } = await this.#books[at]!.reserve(use);
    if (reserved) await this.#books[at]!.commit(id, amount, NOW);
    return reserved;
  }
}

const KINDS = ["no limit", "one ledger", "macaroon"] as const;

interface Case {
  readonly kind: (typeof KINDS)[number];
  readonly counts: "budget" | "maxUses";
  readonly held: number;
  readonly parts: readonly { readonly part: number; readonly at: number }[];
  readonly spends: readonly {
    readonly by: number;
    readonly at: number;
    readonly price: number;
    readonly isChild: boolean;
  }[];
}

const ledgerAt = fc.constantFrom(0, 1);
const cases: fc.Arbitrary<Case> = fc.record({
  kind: fc.constantFrom(...KINDS),
  counts: fc.constantFrom("budget", "maxUses"),
  held: fc.nat(20),
  parts: fc.array(fc.record({ part: fc.nat(9), at: ledgerAt }), { minLength: 1, maxLength: 4 }),
  spends: fc.array(
    fc.record({ by: fc.nat(3), at: ledgerAt, price: fc.nat(9), isChild: fc.boolean() }),
    { maxLength: 15 },
  ),
});

test("slices spend what was held at most, and each of them all of its part", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ kind, counts, held, parts, spends }) => {
      const isBudget = counts === "budget";
      const limits = (count: number): Scope =>
        isBudget ? { budget: `${count} sat` } : { maxUses: count };
      const whole = { ...BASE, ...limits(held) };
      const spending = { budget: "99 sat", ...whole } as const;
      const parent = {
        "no limit": () => biscuits.mint(BASE),
        "one ledger": () => biscuits.mint({ ...whole, ledger: ORIGINS[0] }),
        macaroon: () => macaroons.mint(spending),
      }[kind]();
      const ledgerOf = (at: number) => (kind === "one ledger" ? 0 : at);
      const scopes = parts.map(({ part, at }, index) => ({
        agent: `agent-${index}`,
        ledger: ORIGINS[ledgerOf(at)]!,
        ...(kind === "macaroon" && { budget: "0 sat" as const }),
        ...limits(part),
      }));
      const sum = parts.reduce((all, { part }) => all + part, 0);
      const total = kind === "no limit" ? { total: limits(held) as Limits } : {};
      const cut = () => slice(parent, scopes, { ...total, now: NOW });
      if (sum > held) {
        expect(cut).toThrow(DeniedError);
        return;
      }
      const slices = cut();
      const world = new World(kind === "macaroon" ? macaroonsAt : biscuitsAt);
      const spent = slices.map(() => 0);
      const spend = async (by: number, credential: Credential, at: number, price: number) => {
        const served = await world.serve(credential, at, isBudget ? BigInt(price) : 0n);
        if (served) spent[by]! += isBudget ? price : 1;
        return served;
      };
      for (const { by, at, price, isChild } of spends) {
        const holder = by % slices.length;
        const own = slices[holder]!;
        // Who holds a slice writes what it likes below it.
        const child = () =>
          own.attenuate({ agent: "child", ledger: ORIGINS[at]!, budget: "99 sat", maxUses: 99 });
        await spend(holder, isChild ? child() : own, at, price);
      }
      expect(spent.reduce((all, one) => all + one, 0)).toBeLessThanOrEqual(held);
      for (const [by, { part, at }] of parts.entries()) {
        const left = part - spent[by]!;
        expect(left).toBeGreaterThanOrEqual(0);
        const last = isBudget ? [left] : Array.from({ length: left }, () => 1);
        for (const price of last)
          expect(await spend(by, slices[by]!, ledgerOf(at), price)).toBe(true);
        expect(await spend(by, slices[by]!, ledgerOf(at), 1)).toBe(false);
      }
      expect(spent.reduce((all, one) => all + one, 0)).toBe(sum);
    }),
    { numRuns: 300, seed: 9 },
  );
});
