/** Laws of the invoice codec, over generated invoices and generated damage. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_MSAT } from "../amount.ts";
import { hexText } from "../internal/bytes.ts";
import { Invoice, type InvoiceFields, NETWORKS } from "./index.ts";

const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => hexText(bytes));
const privateKey = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .filter((key) => key.some((byte) => byte !== 0) && key[0] !== 0xff);

const hop = fc.record({
  pubkey: fc.tuple(fc.constantFrom("02", "03"), hex(32)).map(([sign, x]) => sign + x),
  shortChannelId: fc
    .tuple(fc.nat(2 ** 24 - 1), fc.nat(2 ** 24 - 1), fc.nat(65_535))
    .map((parts) => parts.join("x")),
  feeBaseMsat: fc.bigInt(0n, 2n ** 32n - 1n),
  feeProportionalMillionths: fc.nat(2 ** 32 - 1),
  cltvExpiryDelta: fc.nat(65_535),
});
const fallback = fc.oneof(
  fc.record({ version: fc.constantFrom(0, 17, 18), program: hex(20) }),
  fc.record({ version: fc.integer({ min: 1, max: 16 }), program: hex(32) }),
);

const about = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 60 }).map((description) => ({ description })),
  hex(32).map((descriptionHash) => ({ descriptionHash })),
);
const fields: fc.Arbitrary<InvoiceFields> = fc
  .tuple(
    fc.record({
      network: fc.constantFrom(...NETWORKS),
      amountMsat: fc.option(fc.bigInt(1n, MAX_MSAT), { nil: undefined }),
      timestamp: fc.nat(2 ** 35 - 1),
      expirySeconds: fc.nat(2 ** 48),
      paymentHash: hex(32),
      paymentSecret: hex(32),
      minFinalCltvExpiryDelta: fc.nat(2 ** 31),
      features: fc
        .uniqueArray(
          fc.oneof(
            fc.constantFrom(8, 14, 16, 48),
            fc.nat(60).map((n) => 2 * n + 1),
          ),
          { maxLength: 5 },
        )
        .map((bits) => bits.sort((a, b) => a - b)),
      fallbacks: fc.array(fallback, { maxLength: 3 }),
      routeHints: fc.array(fc.array(hop, { minLength: 1, maxLength: 3 }), { maxLength: 2 }),
      namesPayee: fc.boolean(),
    }),
    about,
    fc.option(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ metadata: hexText(bytes) })),
      { nil: {} },
    ),
  )
  .map(([base, either, extra]) => ({ ...base, ...either, ...extra }));

/** One invoice, encoded once: the damage properties need no other. */
const sound = Invoice.encode(
  {
    network: "bcrt",
    amountMsat: 21_000n,
    timestamp: 1_700_000_000,
    expirySeconds: 600,
    paymentHash: "ab".repeat(32),
    paymentSecret: "cd".repeat(32),
    description: "one forecast",
    features: [8, 14],
  },
  new Uint8Array(32).fill(7),
);
const refused = expect.objectContaining({ code: "ERR_INVOICE_MALFORMED" });

describe("an encoded invoice is read back", () => {
  test("decode(encode(fields)) returns the fields", () => {
    fc.assert(
      fc.property(fields, privateKey, ({ namesPayee, ...wanted }, key) => {
        const text = Invoice.encode({ ...wanted, namesPayee: namesPayee === true }, key);
        const { text: read, signature: _, payee, expiresAt, ...rest } = Invoice.decode(text);
        expect(rest).toEqual(wanted);
        expect(read).toBe(text);
        expect(expiresAt).toBe(wanted.timestamp + wanted.expirySeconds!);
        // The named and the recovered key are equal.
        expect(
          Invoice.decode(Invoice.encode({ ...wanted, namesPayee: !namesPayee }, key)).payee,
        ).toBe(payee);
      }),
      { numRuns: 60 },
    );
  });

  test("an invoice in upper case has the same fields", () => {
    const { text: _, ...lower } = Invoice.decode(sound);
    const { text: __, ...upper } = Invoice.decode(sound.toUpperCase());
    expect(upper).toEqual(lower);
  });
});

describe("a damaged invoice is refused:", () => {
  const character = fc.oneof(
    fc.constantFrom(..."qpzry9x8gf2tvdw0s3jn54khce6mua7l1bio"),
    fc.string({ minLength: 1, maxLength: 1 }),
  );

  test("one character changed", () => {
    fc.assert(
      fc.property(fc.nat(sound.length - 1), character, (at, other) => {
        fc.pre(sound[at] !== other);
        const changed = sound.slice(0, at) + other + sound.slice(at + 1);
        expect(() => Invoice.decode(changed)).toThrow(refused);
      }),
      { numRuns: 1000 },
    );
  });

  test("one character removed or inserted", () => {
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.option(character, { nil: "" }), (at, other) => {
        const changed =
          other === ""
            ? sound.slice(0, at) + sound.slice(at + 1)
            : sound.slice(0, at) + other + sound.slice(at);
        fc.pre(changed !== sound);
        expect(() => Invoice.decode(changed)).toThrow(refused);
      }),
      { numRuns: 500 },
    );
  });

  test("any other value", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.string().map((tail) => `lnbc1${tail}`),
        ),
        (value) => {
          expect(() => Invoice.decode(value as string)).toThrow(refused);
        },
      ),
      { numRuns: 500 },
    );
  });
});
