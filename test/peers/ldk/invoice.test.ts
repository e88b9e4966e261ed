/**
 * BOLT 11 between two implementations: what LDK writes our decoder reads, what we write LDK reads,
 * and pays.
 */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { Invoice, type InvoiceFields, NETWORKS } from "l8nt/invoice";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  COMMON,
  REFUSED,
  SPELLINGS,
} from "../../../packages/l8nt/src/invoice/fixtures/spellings.ts";
import { bytesOf, hex, ldk, unwrap } from "./support/ldk.ts";
import { LdkPayer } from "./support/payer.ts";
import {
  hasDescriptionHash,
  MAX_READ_LENGTH,
  MAX_READ_MSAT,
  parse,
  readByLdk,
} from "./support/reading.ts";
import { Road } from "./support/road.ts";

let road: Road;
beforeAll(async () => {
  road = await Road.open();
});
afterAll(() => road.close());

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");

/** All that both sides can say, by ours. */
function readByUs(text: string) {
  const { text: _, signature, fallbacks, descriptionHash, ...rest } = Invoice.decode(text);
  return rest;
}

interface Wish {
  readonly amountMsat?: bigint;
  readonly about?: string | { readonly hash: string };
  readonly expirySeconds?: number;
  readonly cltvDelta?: number;
}

/** An invoice of the payee's, as its own LDK writes it. */
function writtenByLdk({ amountMsat, about = "", expirySeconds, cltvDelta }: Wish): string {
  const description =
    typeof about === "string"
      ? ldk.Bolt11InvoiceDescription.constructor_direct(
          unwrap(ldk.Description.constructor_new(about), "a description"),
        )
      : ldk.Bolt11InvoiceDescription.constructor_hash(
          ldk.Sha256.constructor_from_bytes(bytesOf(about.hash)),
        );
  const { Option_u64Z, Option_u32Z, Option_u16Z, Option_ThirtyTwoBytesZ } = ldk;
  const made = road.payee.manager.create_bolt11_invoice(
    amountMsat === undefined
      ? Option_u64Z.constructor_none()
      : Option_u64Z.constructor_some(amountMsat),
    description,
    expirySeconds === undefined
      ? Option_u32Z.constructor_none()
      : Option_u32Z.constructor_some(expirySeconds),
    cltvDelta === undefined
      ? Option_u16Z.constructor_none()
      : Option_u16Z.constructor_some(cltvDelta),
    Option_ThirtyTwoBytesZ.constructor_none(),
  );
  return unwrap<ldk.Bolt11Invoice>(made, "an invoice").to_str();
}

describe("an invoice that LDK wrote is read as LDK reads it", () => {
  const wishes: [string, Wish][] = [
    ["1 msat", { amountMsat: 1n }],
    ["999 msat", { amountMsat: 999n }],
    ["1 sat", { amountMsat: 1_000n }],
    ["100 sat", { amountMsat: 100_000n }],
    ["123,456.789 sat", { amountMsat: 123_456_789n }],
    ["1 btc", { amountMsat: 100_000_000_000n }],
    ["more btc than most have", { amountMsat: 2_000_000_000_000_001n }],
    ["no amount", {}],
    ["a second", { amountMsat: 10_000n, expirySeconds: 1 }],
    ["the expiry that need not be written", { amountMsat: 10_000n, expirySeconds: 3600 }],
    ["a year", { amountMsat: 10_000n, expirySeconds: 31_536_000 }],
    ["the longest expiry that LDK takes", { amountMsat: 10_000n, expirySeconds: 2 ** 32 - 1 }],
    ["a description", { amountMsat: 10_000n, about: "one forecast" }],
    ["one beyond ASCII", { amountMsat: 10_000n, about: "1 Kaffee ☕, 3 €, für Åse 天気" }],
    ["a long one", { amountMsat: 10_000n, about: "x".repeat(300) }],
    ["the hash of a description", { amountMsat: 10_000n, about: { hash: sha256("a long story") } }],
    ["another final delta", { amountMsat: 10_000n, cltvDelta: 144 }],
  ];

  test.each(wishes)("%s", (_, wish) => {
    const text = writtenByLdk(wish);
    const ours = readByUs(text);
    expect(ours).toEqual(readByLdk(text));
    // And LDK wrote what it was asked for: two readers could be wrong together.
    expect(ours.amountMsat).toBe(wish.amountMsat);
    expect(ours.expirySeconds).toBe(wish.expirySeconds ?? 3600);
    expect(ours.payee).toBe(hex(road.payee.id));
    expect(ours.network).toBe("bcrt");
    const { about = "" } = wish;
    if (typeof about === "string") expect(ours.description).toBe(about);
    else {
      expect(Invoice.decode(text).descriptionHash).toBe(about.hash);
      expect(hasDescriptionHash(text, bytesOf(about.hash))).toBe(true);
    }
    expect(ours.routeHints).toMatchObject([[{ pubkey: hex(road.hop.id), feeBaseMsat: 1_000n }]]);
  });

  test("also where LDK cannot: with the longest description that fits", () => {
    const text = writtenByLdk({ amountMsat: 10_000n, about: "x".repeat(639) });
    expect(text.length).toBeGreaterThan(MAX_READ_LENGTH);
    expect(readByUs(text)).toMatchObject({ amountMsat: 10_000n, description: "x".repeat(639) });
    expect(() => parse(text)).toThrow();
  });
});

describe("a spelling that BOLT 11 does not show", () => {
  const short = SPELLINGS.filter(({ text }) => text.length <= MAX_READ_LENGTH);

  test.each(short.filter(({ notBy }) => !notBy?.includes("ldk")))(
    "is read by LDK as by us: $name",
    ({ text, says }) => {
      const { fallbacks: _, text: __, ...want } = { ...COMMON, ...says };
      const read = readByLdk(text);
      // LDK counts no hop as one route hint.
      const theirs = { ...read, routeHints: read.routeHints.filter((hops) => hops.length > 0) };
      expect(theirs).toMatchObject(want);
      // LDK computes the signed hash from its own spelling, so of another one it finds no signer.
      const isItsOwn = parse(text).to_str() === text.toLowerCase();
      const { payee, ...ours } = readByUs(text);
      expect(theirs).toMatchObject(isItsOwn ? { ...ours, payee } : ours);
    },
  );

  test.each(REFUSED.filter(({ notBy }) => notBy?.includes("ldk")))(
    "is refused by LDK as by us: $name",
    ({ text }) => {
      expect(() => parse(text)).toThrow();
      expect(() => Invoice.decode(text)).toThrow();
    },
  );
});

const KEY = Buffer.alloc(32, 9);
const hex32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hex);
const hop = fc.record({
  // LDK checks that a key is on the curve.
  pubkey: fc.nat(250).map((at) => payeeOf(Buffer.alloc(32, at + 1))),
  shortChannelId: fc
    .tuple(fc.nat(2 ** 24 - 1), fc.nat(2 ** 24 - 1), fc.nat(65_535))
    .map((parts) => parts.join("x")),
  feeBaseMsat: fc.bigInt(0n, 2n ** 32n - 1n),
  feeProportionalMillionths: fc.nat(2 ** 32 - 1),
  cltvExpiryDelta: fc.nat(65_535),
});

const fields: fc.Arbitrary<InvoiceFields> = fc.record({
  network: fc.constantFrom(...NETWORKS),
  amountMsat: fc.option(fc.bigInt(1n, MAX_READ_MSAT), { nil: undefined }),
  timestamp: fc.nat(2 ** 35 - 1),
  expirySeconds: fc.nat(2 ** 32),
  paymentHash: hex32,
  paymentSecret: hex32,
  description: fc.string({ unit: "grapheme", maxLength: 60 }),
  minFinalCltvExpiryDelta: fc.nat(2 ** 31),
  // The two that LDK asks of every invoice, and what else an invoice of LDK's version may have.
  features: fc
    .tuple(fc.constantFrom(8, 9), fc.constantFrom(14, 15), fc.subarray([17, 25, 37, 49, 99]))
    .map(([onion, secret, more]) => [onion, secret, ...more]),
  routeHints: fc.array(fc.array(hop, { minLength: 1, maxLength: 3 }), { maxLength: 2 }),
  metadata: fc.uint8Array({ minLength: 1, maxLength: 40 }).map(hex),
  namesPayee: fc.boolean(),
});

function payeeOf(key: Uint8Array): string {
  const [paymentHash, description] = ["ab".repeat(32), ""];
  const about = {
    network: "bcrt",
    timestamp: 0,
    paymentHash,
    paymentSecret: paymentHash,
    description,
  } as const;
  return Invoice.decode(Invoice.encode(about, key)).payee;
}

describe("an invoice that we wrote is read by LDK as it was meant", () => {
  test("whatever its fields are", () => {
    const payee = payeeOf(KEY);
    fc.assert(
      fc.property(fields, ({ namesPayee = false, ...wanted }) => {
        const text = Invoice.encode({ ...wanted, namesPayee }, KEY);
        fc.pre(text.length <= MAX_READ_LENGTH);
        const expiresAt = wanted.timestamp + wanted.expirySeconds!;
        expect(readByLdk(text)).toEqual({ ...wanted, payee, expiresAt });
        expect(parse(text).to_str()).toBe(text);
      }),
      { numRuns: 200 },
    );
  });

  const least: InvoiceFields = {
    network: "bc",
    timestamp: 1_700_000_000,
    paymentHash: "ab".repeat(32),
    paymentSecret: "cd".repeat(32),
    description: "",
    features: [8, 14],
  };

  test("with what BOLT 11 says where nothing is written", () => {
    const read = readByLdk(Invoice.encode(least, KEY));
    expect(read).toMatchObject({
      amountMsat: undefined,
      expirySeconds: 3600,
      minFinalCltvExpiryDelta: 18,
    });
  });

  test("with the hash of a description", () => {
    const { description: _, ...rest } = least;
    const descriptionHash = sha256("a long story");
    const text = Invoice.encode({ ...rest, descriptionHash }, KEY);
    expect(hasDescriptionHash(text, bytesOf(descriptionHash))).toBe(true);
    expect(readByLdk(text).description).toBeUndefined();
  });

  // The addresses of BOLT 11's own examples.
  test.each([
    [17, "04b61f7dc1ea0dc99424464cc4064dc564d91e89", "1RustyRX2oai4EYYDpQGWvEL62BBGqN9T"],
    [18, "8f55563b9a19f321c211e9b9f38cdf686ea07845", "3EktnHQD7RiAE6uzMj2ZifT9YgRrkSgzQX"],
    [0, "751e76e8199196d454941c45d1b3a323f1433bd6", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"],
    [
      0,
      "1863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
      "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3",
    ],
  ])("with a fallback address of version %i", (version, program, address) => {
    const text = Invoice.encode({ ...least, fallbacks: [{ version, program }] }, KEY);
    expect(parse(text).fallback_addresses()).toEqual([address]);
  });
});

describe("an invoice that we wrote for an LDK node", () => {
  const AMOUNT_MSAT = 12_345n;

  /**
   * Known to the payee by its hash, and signed with its key. `secret`: another one than the
   * payee's.
   */
  function writtenForPayee(preimage: Uint8Array, secret?: string) {
    const { payee, chain } = road;
    const paymentHash = sha256(preimage);
    const known = payee.manager.create_inbound_payment_for_hash(
      bytesOf(paymentHash),
      ldk.Option_u64Z.constructor_some(AMOUNT_MSAT),
      600,
      ldk.Option_u16Z.constructor_none(),
    );
    const paymentSecret = secret ?? hex(unwrap<Uint8Array>(known, "a payment hash of ours"));
    payee.knowPreimage(paymentHash, preimage);
    // The way there, and how late it may come, as the payee itself tells it.
    const { routeHints, minFinalCltvExpiryDelta, features } = Invoice.decode(writtenByLdk({}));
    const terms = {
      amountMsat: AMOUNT_MSAT,
      timestamp: chain.time,
      expirySeconds: 600,
      description: "ours",
    };
    const way = { network: "bcrt", routeHints, minFinalCltvExpiryDelta, features } as const;
    const invoice = Invoice.encode(
      { ...terms, ...way, paymentHash, paymentSecret },
      payee.secretKey,
    );
    expect(Invoice.decode(invoice).payee).toBe(hex(payee.id));
    return {
      invoice,
      paymentHash,
      amountMsat: AMOUNT_MSAT,
      maxFeeMsat: 5_000n,
      timeoutSeconds: 30,
    };
  }

  test("is paid by LDK, and the preimage that comes back is the one that we made", async () => {
    const preimage = Buffer.alloc(32, 0x5a);
    const request = writtenForPayee(preimage);
    const outcome = await new LdkPayer(road).pay(request);
    expect(outcome).toEqual({ status: "paid", preimage: hex(preimage), feeMsat: 1_000n });
    await road.rest();
    expect(road.payee.claims.at(-1)).toEqual({
      paymentHash: request.paymentHash,
      amountMsat: AMOUNT_MSAT,
    });
  });

  test("with another payment secret than the payee's is refused by the payee, and nothing moves", async () => {
    const before = [road.payer.balanceMsat(), road.payee.balanceMsat()];
    const request = writtenForPayee(Buffer.alloc(32, 0x5b), "ef".repeat(32));
    const outcome = await new LdkPayer(road).pay(request);
    expect(outcome).toEqual({ status: "failed", reason: "RecipientRejected" });
    await road.rest();
    expect([road.payer.balanceMsat(), road.payee.balanceMsat()]).toEqual(before);
  });
});
