/**
 * Every check before paying: one hostile service for each, one code for each, and nothing moves.
 * spec/4-purchase.md §3.
 */
import { bech32 } from "@scure/base";
import { describe, expect, test } from "vitest";
import type { Scope } from "../caveat/index.ts";
import { SPELLINGS } from "../invoice/fixtures/spellings.ts";
import { Invoice, type Network } from "../invoice/index.ts";
import { invoiceHash, signInvoice } from "../invoice/signature.ts";
import { bytesToWords } from "../invoice/words.ts";
import type { Offer } from "../l402/challenge.ts";
import { Challenge, Credential } from "../l402/index.ts";
import { Macaroon } from "../macaroon/index.ts";
import {
  ask402,
  challenger,
  type Demand,
  failure,
  forgeInvoice,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";
import { checkInvoice, checkPayee } from "./check.ts";

const GET = { method: "GET", headers: [] } as const;

/** A service that asks for what `wish` makes of an honest challenge. */
async function hostile(world: Town, wish: (honest: Challenge) => Demand | Promise<Demand>) {
  return site(async (_request, response, url) => {
    const { demand } = challenger(world, url);
    const honest = await demand();
    ask402(response, await demand(await wish(honest)));
  });
}

async function refused(world: Town, wish: (honest: Challenge) => Demand | Promise<Demand>) {
  const { url } = await hostile(world, wish);
  const root = world.mint();
  const error = await failure(
    world.treasury.buy({
      ...GET,
      id: crypto.randomUUID(),
      credential: root.toString(),
      url: `${url}/paid`,
    }),
  );
  expect(world.network.payments()).toEqual([]);
  expect(await world.spent(root)).toBe(0n);
  return error;
}

const START = 2_000_000_000;
const invoiceOf =
  (terms: Partial<Parameters<typeof Invoice.encode>[0]>) =>
  ({ invoice, macaroon }: Challenge): Demand => ({
    macaroon,
    invoice: forgeInvoice(invoice, terms),
  });

describe("an invoice for nearly all the bitcoin that can exist", () => {
  const MAX = 2_100_000_000_000_000_000n;
  test.each([MAX, MAX - 1n, MAX - 10_000_000_000_000_000n])(
    "%d msat is over the budget, and no fault of the books [case 45]",
    async (amountMsat) => {
      const error = await refused(await town(), invoiceOf({ amountMsat }));
      expect(error).toMatchObject({ name: "BudgetError", code: "ERR_BUDGET", spent: "no" });
    },
  );
});

describe("a challenge is not paid", () => {
  test("whose invoice has another hash than its macaroon [case 65]", async () => {
    // Two honest challenges, crossed.
    const error = await refused(await town(), ({ invoice }) => ({ invoice }));
    expect(error).toMatchObject({ name: "ChallengeError", code: "ERR_INVOICE_HASH", spent: "no" });
  });

  test.each<Network>(["bc", "tb", "tbs", "sb"])(
    "whose invoice is for another network: ln%s to a wallet on lnbcrt [case 66]",
    async (network) => {
      const error = await refused(await town(), invoiceOf({ network }));
      expect(error).toMatchObject({ code: "ERR_INVOICE_NETWORK", spent: "no" });
      expect(error.message).toContain(`ln${network}`);
    },
  );

  test("for lnbcrt by a wallet on lnbc, although the one text begins with the other [case 66]", async () => {
    const never = async () => {
      throw new Error("this wallet must not be asked");
    };
    const world = await town({ wallet: { network: async () => "bc", pay: never, find: never } });
    expect(await refused(world, (honest) => honest)).toMatchObject({ code: "ERR_INVOICE_NETWORK" });
  });

  test("whose invoice has a wrong checksum, a signature that does not hold, or is no invoice [case 66]", async () => {
    const world = await town();
    const lastChanged = (text: string) => text.slice(0, -1) + (text.endsWith("q") ? "p" : "q");
    for (const invoice of [
      lastChanged,
      () => "lnbcrt1",
      () => "x".repeat(300),
      (text: string) => text.slice(0, -30),
    ])
      expect(
        await refused(world, (honest) => ({ ...honest, invoice: invoice(honest.invoice) })),
      ).toMatchObject({
        code: "ERR_INVOICE_MALFORMED",
        spent: "no",
      });
  });

  test("without an amount [case 48]", async () => {
    const error = await refused(await town(), invoiceOf({ amountMsat: undefined }));
    expect(error).toMatchObject({ code: "ERR_INVOICE_AMOUNTLESS", spent: "no" });
  });

  test("for an amount of 0 [case 48]", async () => {
    const world = await town();
    const error = await refused(world, (honest) => ({
      ...honest,
      invoice: forgedWith(honest.invoice, "lnbcrt0n"),
    }));
    expect(error).toMatchObject({ code: "ERR_INVOICE_AMOUNTLESS", spent: "no" });
  });

  test.each([
    ["expired", { timestamp: START - 600, expirySeconds: 600 }],
    ["about to expire", { timestamp: START - 600, expirySeconds: 609 }],
    ["dated in the future", { timestamp: START + 61, expirySeconds: 600 }],
  ])("whose invoice is %s [case 67]", async (_what, terms) => {
    expect(await refused(await town(), invoiceOf(terms))).toMatchObject({
      code: "ERR_INVOICE_EXPIRED",
      spent: "no",
    });
  });

  test("whose macaroon names a payment of zeros, and so none [case 6]", async () => {
    const world = await town();
    const { url } = await site((_request, response) => {
      const identifier = new Uint8Array(66).fill(7, 34);
      const macaroon = Macaroon.encode(Macaroon.mint({ rootKey: new Uint8Array(32), identifier }));
      const text = Buffer.from(macaroon).toString("base64");
      response
        .writeHead(402, { "www-authenticate": `L402 macaroon="${text}", invoice="lnbcrt1"` })
        .end();
    });
    const buying = world.treasury.buy({
      ...GET,
      id: crypto.randomUUID(),
      credential: world.mint().toString(),
      url,
    });
    expect(await failure(buying)).toMatchObject({ code: "ERR_CHALLENGE_MALFORMED", spent: "no" });
  });

  test("if the cheapest of several offers that cover the request costs more than the credential allows", async () => {
    const world = await town();
    const { url } = await site(async (_request, response, own) => {
      const { demand } = challenger(world, own);
      const elsewhere: Scope = { endpoints: ["GET https://elsewhere.example/**"], expiresIn: "1h" };
      ask402(
        response,
        await demand({ amountMsat: 900_000n }),
        await demand({ amountMsat: 1_000n, scope: elsewhere }),
        await demand({ amountMsat: 500_000n }),
      );
    });
    const buying = world.treasury.buy({
      ...GET,
      id: crypto.randomUUID(),
      credential: world.mint({ maxPrice: "499 sat" }).toString(),
      url,
    });
    const error = await failure(buying);
    expect(error).toMatchObject({ code: "ERR_PRICE" });
    expect(error.message).toContain("500 sat");
    expect(world.network.payments()).toEqual([]);
  });

  test.each([
    ["none at all", undefined],
    ["x402 alone", 'X402 scheme="exact", network="base", payTo="0x00"'],
    ["Basic and Bearer", 'Basic realm="here", Bearer error="invalid_token"'],
    ["an L402 of a version to come", 'L402 version="1", macaroon="AAAA", invoice="lnbcrt1"'],
  ])("where there is no L402: %s [case 11]", async (_what, field) => {
    const world = await town();
    const { url } = await site((_request, response) => {
      response.writeHead(402, field === undefined ? {} : { "www-authenticate": field }).end();
    });
    const buying = world.treasury.buy({
      ...GET,
      id: crypto.randomUUID(),
      credential: world.mint().toString(),
      url,
    });
    expect(await failure(buying)).toMatchObject({ code: "ERR_CHALLENGE_MISSING", spent: "no" });
  });

  test("by x402 alone, and the error says what that would have cost", async () => {
    const world = await town();
    const { url } = await site((_request, response) => {
      const accepts = [{ network: "base", maxAmountRequired: "10000", extra: { name: "USDC" } }];
      response
        .writeHead(402, { "content-type": "application/json" })
        .end(JSON.stringify({ x402Version: 1, accepts }));
    });
    const credential = world.mint().toString();
    const buying = world.treasury.buy({ ...GET, id: crypto.randomUUID(), credential, url });
    const error = await failure(buying);
    expect(error).toMatchObject({ code: "ERR_CHALLENGE_MISSING", spent: "no" });
    expect(error.message).toContain("x402 (10000 of the smallest unit of USDC, on base)");
  });

  test("whose invoice hides its payee, while payees are pinned", () => {
    const hidden = SPELLINGS.find(({ name }) => name.startsWith("a blinded path"))!;
    const payable = { invoice: Invoice.decode(hidden.text), amountMsat: 1n };
    const policy = { payees: [], maxFirstPaymentMsat: undefined };
    expect(() => checkPayee(payable, { ...policy, pinned: true })).toThrow(
      expect.objectContaining({ code: "ERR_INVOICE_BLINDED", spent: "no" }),
    );
    expect(() => checkPayee(payable, { ...policy, pinned: false })).not.toThrow();
  });

  test.each<[string, Scope]>([
    ["another service", { endpoints: ["GET https://elsewhere.example/**"], expiresIn: "1h" }],
    ["another path", { endpoints: ["GET http://127.0.0.1:*/other"], expiresIn: "1h" }],
    ["another method", { endpoints: ["POST http://127.0.0.1:*/**"], expiresIn: "1h" }],
    ["the past", { endpoints: ["* http://127.0.0.1:*/**"], expiresAt: new Date(1000) }],
    [
      "later",
      { endpoints: ["* http://127.0.0.1:*/**"], expiresIn: "1h", validFrom: new Date(2.1e12) },
    ],
  ])("where what it sells is for %s [case 41]", async (_what, scope) => {
    const error = await refused(await town(), () => ({ scope }));
    expect(error).toMatchObject({
      name: "ChallengeError",
      code: "ERR_CHALLENGE_SCOPE",
      spent: "no",
    });
  });

  test("that came from another origin than the one that was asked, even if fetch followed a redirect [case 76]", async () => {
    const elsewhere = await site(async (_request, response, own) => {
      ask402(response, await challenger(world, own).demand());
    });
    const follows: typeof fetch = (input, init) => fetch(input, { ...init, redirect: "follow" });
    const world = await town({ fetch: follows });
    const { url } = await site((_request, response) => {
      response.writeHead(302, { location: `${elsewhere.url}/paid` }).end();
    });
    const buying = world.treasury.buy({
      ...GET,
      id: crypto.randomUUID(),
      credential: world.mint().toString(),
      url: `${url}/paid`,
    });
    expect(await failure(buying)).toMatchObject({ code: "ERR_CHALLENGE_ORIGIN", spent: "no" });
    expect(world.network.payments()).toEqual([]);
  });
});

const offerOf = (challenge: Challenge): Offer =>
  Challenge.offers(Challenge.format(challenge).at(-1))[0]!;

describe("the edges of an invoice's time [case 67]", () => {
  const at = async (terms: { timestamp: number; expirySeconds?: number }) => {
    const world = await town();
    const { demand } = challenger(world, "http://127.0.0.1:9");
    const honest = await demand();
    return checkInvoice(
      offerOf({ ...honest, invoice: forgeInvoice(honest.invoice, terms) }),
      "bcrt",
      START,
      0,
    );
  };
  const expired = { code: "ERR_INVOICE_EXPIRED" };

  test("ten seconds before its end it can be paid, a second later it cannot", async () => {
    expect((await at({ timestamp: START - 600, expirySeconds: 610 })).amountMsat).toBe(10_000n);
    await expect(at({ timestamp: START - 600, expirySeconds: 609 })).rejects.toMatchObject(expired);
  });

  test("an invoice dated a minute ahead is paid, and a second more is refused", async () => {
    expect((await at({ timestamp: START + 60, expirySeconds: 600 })).amountMsat).toBe(10_000n);
    await expect(at({ timestamp: START + 61, expirySeconds: 600 })).rejects.toMatchObject(expired);
  });

  test("an invoice without an expiry is valid for an hour", async () => {
    const terms = (timestamp: number) => ({ timestamp, expirySeconds: undefined }) as never;
    expect((await at(terms(START - 3590))).invoice.expirySeconds).toBe(3600);
    await expect(at(terms(START - 3591))).rejects.toMatchObject(expired);
  });

  test("an expiry too large for a number makes the invoice malformed", async () => {
    const world = await town();
    const honest = await challenger(world, "http://127.0.0.1:9").demand();
    expect(() => forgeInvoice(honest.invoice, { expirySeconds: Number.MAX_SAFE_INTEGER })).toThrow(
      TypeError,
    );
    // Written by hand, since our own encoder refuses to: 13 words of tag x, all ones.
    const text = withExpiryWords(honest.invoice);
    const checking = async () =>
      checkInvoice(offerOf({ ...honest, invoice: text }), "bcrt", START, 0);
    await expect(checking()).rejects.toMatchObject({ code: "ERR_INVOICE_MALFORMED" });
  });
});

// The checksum is made to fit; the signature is looked at last.
const reworded = (
  invoice: string,
  change: (prefix: string, words: number[]) => [string, number[]],
): string => {
  const { prefix, words } = bech32.decode(invoice as `${string}1${string}`, false);
  return bech32.encode(...change(prefix, words), false);
};
const SIGNATURE = 104;
const withExpiryWords = (invoice: string): string =>
  reworded(invoice, (prefix, words) => [
    prefix,
    [
      ...words.slice(0, -SIGNATURE),
      6,
      0,
      13,
      ...Array<number>(13).fill(31),
      ...words.slice(-SIGNATURE),
    ],
  ]);
/** With another prefix, and a signature that holds for it. */
const forgedWith = (invoice: string, prefix: string): string =>
  reworded(invoice, (_, words) => {
    const data = words.slice(0, -SIGNATURE);
    const signature = signInvoice(invoiceHash(prefix, data), new Uint8Array(32).fill(0x42));
    return [prefix, [...data, ...bytesToWords(signature)]];
  });

describe("what a credential allows is judged on the invoice itself", () => {
  test("a price over max_price_msat is refused, one of exactly that is paid", async () => {
    const world = await town();
    const { url } = await hostile(world, () => ({ amountMsat: 10_001n }));
    const dear = { ...GET, url: `${url}/paid` };
    const narrow = world.mint({ maxPrice: "10 sat" });
    const error = await failure(
      world.treasury.buy({ ...dear, id: crypto.randomUUID(), credential: narrow.toString() }),
    );
    expect(error).toMatchObject({ name: "DeniedError", code: "ERR_PRICE" });
    expect(world.network.payments()).toEqual([]);
    const wide = world.mint({ maxPrice: "10001 msat" });
    await world.treasury.buy({ ...dear, id: crypto.randomUUID(), credential: wide.toString() });
    expect(world.paid().count).toBe(1);
  });

  test("a payee on the list is paid, and another payee is not", async () => {
    const world = await town();
    const { url } = await hostile(world, (honest) => honest);
    const payee = Invoice.decode((await challenger(world, url).demand()).invoice).payee;
    const other = `02${"ab".repeat(32)}`;
    for (const payees of [[], [other]]) {
      const credential = world.mint({ payees }).toString();
      const error = await failure(
        world.treasury.buy({ ...GET, id: crypto.randomUUID(), credential, url: `${url}/paid` }),
      );
      expect(error).toMatchObject({ name: "DeniedError", code: "ERR_PAYEE" });
    }
    expect(world.network.payments()).toEqual([]);
    const credential = world.mint({ payees: [other, payee] }).toString();
    await world.treasury.buy({ ...GET, id: crypto.randomUUID(), credential, url: `${url}/paid` });
    expect(world.paid().count).toBe(1);
  });

  test("a hash that was paid is never paid again: one invoice offered for two URLs [case 64]", async () => {
    const world = await town();
    let invoice: string | undefined;
    const { url } = await site(async (request, response, own) => {
      const { authority, demand } = challenger(world, own);
      invoice ??= (await demand()).invoice;
      const scope = { endpoints: [`GET ${own}${request.target}`], expiresIn: "1h" } as const;
      if (request.headers.authorization === undefined)
        ask402(response, authority.minter.challenge(scope, invoice));
      else response.end("served");
    });
    const credential = world.mint().toString();
    await world.treasury.buy({ ...GET, id: crypto.randomUUID(), credential, url: `${url}/a` });
    const error = await failure(
      world.treasury.buy({ ...GET, id: crypto.randomUUID(), credential, url: `${url}/b` }),
    );
    expect(error).toMatchObject({
      name: "PaymentError",
      code: "ERR_PAYMENT_REPEATED",
      spent: "no",
    });
    // Nor by another agent.
    const child = Credential.parse(credential).delegate({ agent: "other" }, { now: world.clock() });
    expect(
      await failure(
        world.treasury.buy({
          ...GET,
          id: crypto.randomUUID(),
          credential: child.toString(),
          url: `${url}/c`,
        }),
      ),
    ).toMatchObject({ code: "ERR_PAYMENT_REPEATED" });
    expect(world.network.payments()).toHaveLength(1);
  });

  test("a repeated hash does not revive a used credential: it is not sent again [case 64]", async () => {
    const world = await town({ quarantine: "1s" });
    let offered: Challenge | undefined;
    const greedy = await site(async (_request, response, own) => {
      offered ??= await challenger(world, own).demand({
        scope: { endpoints: [`GET ${own}/**`], maxUses: 1, expiresIn: "1h" },
      });
      ask402(response, offered);
    });
    const credential = world.mint({ maxUses: 100 }).toString();
    const buy = (path: string) =>
      failure(
        world.treasury.buy({ ...GET, id: crypto.randomUUID(), credential, url: greedy.url + path }),
      );
    expect(await buy("/a")).toMatchObject({ code: "ERR_PAID_NOT_DELIVERED", spent: "yes" });
    const before = greedy.received.filter(
      ({ headers }) => headers.authorization !== undefined,
    ).length;
    world.clock.advance("2s");
    expect(await buy("/b")).toMatchObject({ code: "ERR_PAYMENT_REPEATED", spent: "no" });
    expect(await buy("/b")).toMatchObject({ code: "ERR_PAYMENT_REPEATED", spent: "no" });
    expect(
      greedy.received.filter(({ headers }) => headers.authorization !== undefined),
    ).toHaveLength(before);
    expect(world.network.payments()).toHaveLength(1);
  });
});
