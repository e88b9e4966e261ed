/** What was sold: written once, told to the owner, listed and summed up. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { Symbols } from "../biscuit/block.ts";
import { beginToken } from "../biscuit/signatures.ts";
import { encodeToken } from "../biscuit/token.ts";
import { base64Text } from "../internal/bytes.ts";
import { signerOf } from "../internal/ed25519.ts";
import { Credential } from "../l402/index.ts";
import { writeKeyPage } from "../public-key/key-page.ts";
import { authorityBlock } from "../public-key/profile.ts";
import { MemoryStore } from "../stores/memory.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall, type PaywallOptions, type Sale, type SalesQuery, type Terms } from "./index.ts";

const ORIGIN = "https://api.example";
const NOON = 1_900_065_600;
const SECRET = "5e8d1c0b7a2f4936e1d0c9b8a7968574635241302f1e0dfcebdac9b8a7f6e5d4";

function world(options: Partial<PaywallOptions> = {}) {
  const clock = { now: NOON };
  const store = new MemoryStore();
  const invoicer = new FakeInvoicer(() => clock.now);
  const alarm = vi.fn();
  const open = (more: Partial<PaywallOptions> = {}) =>
    new Paywall({
      ...{ secret: SECRET, location: ORIGIN, invoicer, store, alarm, clock: () => clock.now },
      ...options,
      ...more,
    });
  const paywall = open();
  const ask = (at: ReturnType<Paywall["route"]>, path: string, credential?: string) =>
    at.authorize({
      method: "GET",
      target: path,
      authorization: credential,
      headers: () => new Headers(),
    });
  /** Pays for a request. Nobody has presented the credential then. */
  const buy = async (at: ReturnType<Paywall["route"]>, path = "/a"): Promise<string> => {
    const refused = await ask(at, path);
    if (refused.granted || !("response" in refused)) throw new Error("nothing was sold");
    const field = refused.response.headers.get("www-authenticate")!;
    const [, macaroon] = /macaroon="([^"]+)"/.exec(field)!;
    const [, invoice] = /invoice="([^"]+)"/.exec(field)!;
    return `L402 ${macaroon}:${invoicer.pay(invoice!)}`;
  };
  const use = async (at: ReturnType<Paywall["route"]>, credential: string, path = "/a") => {
    const decision = await ask(at, path, credential);
    if (decision.granted) await decision.finish(200);
    return decision;
  };
  const settled = () => new Promise<void>((done) => setImmediate(done));
  return { clock, store, alarm, open, paywall, ask, buy, use, settled };
}

const cases: readonly (readonly [string, Terms, bigint])[] = [
  ["one request", { price: "10 sat" }, 10_000n],
  ["several requests", { price: "40 sat", grants: { uses: 3 } }, 40_000n],
  ["a prepaid budget", { price: "1 sat", grants: { budget: "500 sat" } }, 500_000n],
  ["a time", { price: "7 sat", grants: { validFor: "1d" } }, 7_000n],
  ["a price of the request", { price: () => "3 sat" }, 3_000n],
];

describe("a sale", () => {
  test.each(cases)(
    "of %s is written with what was paid, at its first request",
    async (_, terms, msat) => {
      const { paywall, buy, use, settled, clock } = world();
      const route = paywall.route({ ...terms, path: "GET /a" });
      const credential = await buy(route);
      await settled();
      expect(await paywall.sales()).toEqual([]);
      clock.now += 30;
      expect((await use(route, credential)).granted).toBe(true);
      await settled();
      await use(route, credential);
      await settled();
      expect(await paywall.sales()).toEqual([
        {
          seq: 1,
          paymentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
          nodeId: expect.stringMatching(/^[0-9a-f]{32}$/),
          amount: { unit: "msat", value: msat },
          ...{ route: "GET /a", method: "GET", path: "/a", at: NOON + 30 },
          endsAt: NOON + (terms.grants?.validFor === "1d" ? 86_400 : 3600),
        },
      ]);
    },
  );

  test("is none for a credential that the authority minted, or that is refused before it is proven", async () => {
    const { paywall, use, settled } = world();
    const route = paywall.route({ price: "10 sat" });
    const scope = { endpoints: [`GET ${ORIGIN}/a`], expiresIn: "1h", budget: "90 sat" } as const;
    const minted = paywall.authority.minter.mint(scope);
    expect((await use(route, `L402 ${minted}`)).granted).toBe(true);
    const other = new Paywall({ secret: SECRET.replace("5e", "6e"), location: ORIGIN });
    await use(route, `L402 ${other.authority.minter.mint(scope)}`);
    await settled();
    expect(await paywall.sales()).toEqual([]);
  });

  test("is written also if a trusted issuer's credential has the same payment hash", async () => {
    const issuer = "https://treasury.example";
    const signer = signerOf();
    const page = writeKeyPage(issuer, [{ keyId: 0, publicKey: signer.publicKey }]);
    const { paywall, buy, use, settled } = world({
      trust: [issuer],
      fetch: (async () => new Response(page)) as typeof fetch,
    });
    const route = paywall.route({ price: "10 sat" });
    const bought = await buy(route);
    const [macaroon, preimage] = bought.slice("L402 ".length).split(":");
    const { paymentHash } = Credential.parse(`${macaroon}:${preimage}`);
    const terms = { issuer, location: ORIGIN, paymentHash };
    const block = authorityBlock(terms, [`valid_until=${NOON + 60}`], new Symbols());
    const own = base64Text(encodeToken(beginToken(signer, 0, block)));
    expect((await use(route, `L402 ${own}:${preimage}`)).granted).toBe(true);
    await settled();
    expect(await paywall.sales()).toEqual([]);
    expect((await use(route, bought)).granted).toBe(true);
    await settled();
    expect(await paywall.sales()).toMatchObject([{ seq: 1, paymentHash }]);
  });

  test("is written also if the request is denied: the payment was made", async () => {
    const { paywall, buy, use, settled } = world();
    const route = paywall.route({ price: "10 sat" });
    const credential = await buy(route, "/a");
    expect((await use(route, credential, "/b")).granted).toBe(false);
    await settled();
    expect(await paywall.sales()).toMatchObject([{ path: "/b", amount: { value: 10_000n } }]);
  });

  test("is one, no matter who presents what descends from it, at once or later, and after a restart", async () => {
    const { paywall, buy, ask, settled, open } = world();
    const terms = { price: "10 sat", grants: { uses: 50 } } as const;
    const route = paywall.route(terms);
    const credential = await buy(route);
    const again = open().route(terms);
    await Promise.all(Array.from({ length: 9 }, () => ask(route, "/a", credential)));
    await Promise.all(Array.from({ length: 9 }, () => ask(again, "/a", credential)));
    await settled();
    expect(await paywall.sales()).toHaveLength(1);
  });

  test("is not written when its credential has ended, so that no second one is", async () => {
    const { paywall, buy, use, settled, clock } = world();
    const route = paywall.route({ price: "10 sat" });
    const credential = await buy(route);
    clock.now += 3601;
    await use(route, credential);
    await settled();
    expect(await paywall.sales()).toEqual([]);
  });

  test("survives a new secret, and the mark says nothing to others", async () => {
    const { paywall, buy, use, settled } = world();
    const route = paywall.route({ price: "10 sat" });
    const credential = await buy(route);
    paywall.authority.rotate(SECRET.replace("5e", "7e"));
    expect((await use(route, credential)).granted).toBe(true);
    await settled();
    expect(await paywall.sales()).toHaveLength(1);
    const bytes = Buffer.from(credential.slice(5).split(":")[0]!, "base64").toString("hex");
    expect(bytes).not.toContain((10_000).toString(16).padStart(16, "0"));
  });

  test.each([
    ["at once", 0],
    ["after the write has failed", 50],
  ])(
    "of a use that cannot be written down is not served, its claim made %s, and is with the next request",
    async (_when, turns) => {
      const { store, paywall, buy, use, settled, alarm } = world();
      const route = paywall.route({ price: "10 sat" });
      const credential = await buy(route);
      const reserve = store.reserve.bind(store);
      vi.spyOn(store, "reserve").mockImplementation(async (wanted) => {
        for (let turn = 0; turn < turns; turn++) await undefined;
        return reserve(wanted);
      });
      const sell = vi.spyOn(store, "sell").mockRejectedValueOnce(new Error("the disk is full"));
      const refused = await use(route, credential);
      expect(refused).toMatchObject({ granted: false, error: { code: "ERR_STORE" } });
      expect(alarm).toHaveBeenCalledOnce();
      expect((await use(route, credential)).granted).toBe(true);
      await settled();
      expect(sell).toHaveBeenCalledTimes(2);
      expect(await paywall.sales()).toHaveLength(1);
    },
  );

  test("of a time is served although it cannot be written down, and is with a later request", async () => {
    const { store, paywall, buy, use, settled } = world();
    const route = paywall.route({ price: "10 sat", grants: { validFor: "1d" } });
    const credential = await buy(route);
    vi.spyOn(store, "sell").mockRejectedValueOnce(new Error("the disk is full"));
    expect((await use(route, credential)).granted).toBe(true);
    await settled();
    expect((await use(route, credential)).granted).toBe(true);
    await settled();
    expect(await paywall.sales()).toHaveLength(1);
  });
});

describe("onSale", () => {
  test("is called once for each sale, after it is in the store", async () => {
    const told: Sale[] = [];
    const kept: number[] = [];
    const { paywall, buy, use, settled } = world({
      onSale: async (sale) => {
        told.push(sale);
        kept.push((await paywall.sales()).length);
      },
    });
    const route = paywall.route({ price: "10 sat", grants: { uses: 3 } });
    for (let n = 1; n <= 2; n++) {
      const credential = await buy(route);
      for (let times = 0; times < 3; times++) await use(route, credential);
      await settled();
    }
    expect(told).toEqual(await paywall.sales());
    expect(kept).toEqual([1, 2]);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no"))],
    ["never ends", () => new Promise<void>(() => {})],
  ])("that %s changes no answer", async (_, onSale) => {
    const { paywall, buy, use, settled } = world({ onSale });
    const route = paywall.route({ price: "10 sat" });
    for (let n = 0; n < 3; n++) {
      expect((await use(route, await buy(route))).granted).toBe(true);
      await settled();
    }
    expect(await paywall.sales()).toHaveLength(3);
  });

  test("is called again for what failed, with a sale a minute later, and for others meanwhile", async () => {
    const told: number[] = [];
    const { paywall, buy, use, settled, clock } = world({
      onSale: ({ seq }) => {
        told.push(seq);
        if (told.length === 1) throw new Error("no");
      },
    });
    const route = paywall.route({ price: "10 sat" });
    const sell = async () => {
      await use(route, await buy(route));
      await settled();
    };
    await sell();
    await sell();
    expect(told).toEqual([1, 2]);
    clock.now += 61;
    await sell();
    expect(told).toEqual([1, 2, 1, 3]);
  });

  test("is called by the next process for what this one did not end", async () => {
    const { paywall, buy, use, settled, open, store } = world({
      onSale: () => new Promise(() => {}),
    });
    const route = paywall.route({ price: "10 sat" });
    for (let n = 0; n < 3; n++) await use(route, await buy(route));
    await settled();
    const told: number[] = [];
    open({ onSale: ({ seq }) => void told.push(seq) });
    await settled();
    expect(told).toEqual([1, 2, 3]);
    open({ onSale: ({ seq }) => void told.push(seq) });
    await settled();
    expect(told).toEqual([1, 2, 3]);
    expect(await store.untoldSales(0, 10)).toEqual([]);
  });

  test("that is given later hears nothing of what was sold before", async () => {
    const { paywall, buy, use, settled, open } = world();
    const route = paywall.route({ price: "10 sat" });
    await use(route, await buy(route));
    await settled();
    const onSale = vi.fn();
    open({ onSale });
    await settled();
    expect(onSale).not.toHaveBeenCalled();
  });

  test("needs a store that keeps sales", () => {
    const { store, open } = world();
    const { reserve, commit, release, usage, abandoned, shared } = store;
    const ledger = { reserve, commit, release, usage, abandoned, shared };
    expect(() => open({ store: ledger, onSale: () => {} })).toThrow(TypeError);
    expect(() => open({ store: { ...ledger, abandoned: async () => [] } })).not.toThrow();
  });
});

describe("the owner's list", () => {
  test("totals are the sums of the sales, for any sales", async () => {
    const sold = fc.array(
      fc.record({
        price: fc.integer({ min: 1, max: 500 }),
        wait: fc.integer({ min: 0, max: 90_000 }),
      }),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(sold, async (sales) => {
        const { paywall, buy, use, settled, clock } = world();
        for (const { price, wait } of sales) {
          clock.now += wait;
          const path = `GET /${price % 3}` as const;
          const route = paywall.route({ price: `${price} sat`, path });
          await use(route, await buy(route, "/a"));
          await settled();
        }
        const listed = await paywall.sales({ limit: 1000 });
        const sum = sales.reduce((all, { price }) => all + BigInt(price) * 1000n, 0n);
        for (const by of ["day", "route"] as const) {
          const totals = await paywall.totals({ by });
          expect(totals.reduce((all, { amount }) => all + amount.value, 0n)).toBe(sum);
          expect(totals.reduce((all, total) => all + total.sales, 0)).toBe(listed.length);
          for (const { day, route, sales: count } of totals)
            expect(
              listed.filter((sale) =>
                day === undefined
                  ? sale.route === route
                  : new Date(sale.at * 1000).toISOString().startsWith(day),
              ),
            ).toHaveLength(count);
        }
      }),
      { numRuns: 25 },
    );
  });

  test("comes in pages", async () => {
    const { paywall, buy, use, settled } = world();
    const route = paywall.route({ price: "1 sat" });
    for (let n = 0; n < 5; n++) await use(route, await buy(route));
    await settled();
    const seqs: number[] = [];
    for (let after = 0; ; after = seqs.at(-1)!) {
      const page = await paywall.sales({ after, limit: 2 });
      if (page.length === 0) break;
      seqs.push(...page.map(({ seq }) => seq));
    }
    expect(seqs).toEqual([1, 2, 3, 4, 5]);
  });

  test.each([
    [{ limit: 0 }],
    [{ limit: 1001 }],
    [{ after: -1 }],
    [{ after: 1.5 }],
    [{ from: Number.NaN }],
    [{ form: 1 } as object],
  ])("refuses the query %o", async (query) => {
    await expect(world().paywall.sales(query as SalesQuery)).rejects.toThrow(TypeError);
  });

  test("refuses totals by anything else", async () => {
    await expect(world().paywall.totals({ by: "week" as never })).rejects.toThrow(TypeError);
  });
});
