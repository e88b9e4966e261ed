/**
 * All examples of BOLT 11. The expected fields are written by hand, from the text of the BOLT.
 */
import { readFileSync } from "node:fs";
import { bech32, createBase58check } from "@scure/base";
import { describe, expect, test } from "vitest";
import { hexBytes } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { Invoice, type InvoiceFields } from "./index.ts";

interface Example {
  readonly about: string | null;
  readonly invoice: string;
}
const vectors: {
  private_key: string;
  payee: string;
  payment_hash: string;
  valid: Example[];
  invalid: Example[];
} = JSON.parse(
  readFileSync(new URL("../../../../spec/vectors/bolt11.json", import.meta.url), "utf8"),
);
const privateKey = hexBytes(vectors.private_key)!;

const SECRET = "11".repeat(32);
const LIST_HASH = "3925b6f67e2c340036ed12093dd44e0368df1b6ea26c53dbe4811f58fd5db8c1";
const JUNE_2017 = 1496314658;
const ITEMS =
  'Blockstream Store: 88.85 USD for Blockstream Ledger Nano S x 1, "Back In My Day" Sticker x 2, "I Got Lightning Working" Sticker x 2 and 1 more items';

/** The fields of every example, unless it states others. */
const common = {
  network: "bc",
  amountMsat: undefined as bigint | undefined,
  timestamp: JUNE_2017,
  expirySeconds: 3600,
  paymentHash: "0001020304050607080900010203040506070809000102030405060708090102",
  paymentSecret: SECRET,
  payee: "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad",
  minFinalCltvExpiryDelta: 18,
  features: [8, 14],
  fallbacks: [],
  routeHints: [],
};
const donation = { ...common, description: "Please consider supporting this project" };
const list = { ...common, amountMsat: 2_000_000_000n, descriptionHash: LIST_HASH };
const beans = {
  ...common,
  amountMsat: 2_500_000_000n,
  description: "coffee beans",
  features: [8, 14, 99],
};

const base58 = createBase58check((bytes: Uint8Array) => sha256(bytes));
const base58Fallback = (version: number, address: string) => ({
  version,
  program: Buffer.from(base58.decode(address).subarray(1)).toString("hex"),
});
const segwitFallback = (address: `${string}1${string}`) => ({
  version: 0,
  program: Buffer.from(bech32.fromWords(bech32.decode(address).words.slice(1))).toString("hex"),
});

const expected = [
  donation,
  { ...common, amountMsat: 250_000_000n, description: "1 cup coffee", expirySeconds: 60 },
  { ...common, amountMsat: 250_000_000n, description: "ナンセンス 1杯", expirySeconds: 60 },
  list,
  { ...list, network: "tb", fallbacks: [base58Fallback(17, "mk2QpYatsKicvFVuTAQLBryyccRXMUaGHP")] },
  {
    ...list,
    fallbacks: [base58Fallback(17, "1RustyRX2oai4EYYDpQGWvEL62BBGqN9T")],
    routeHints: [
      [
        {
          pubkey: "029e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255",
          shortChannelId: "66051x263430x1800",
          feeBaseMsat: 1n,
          feeProportionalMillionths: 20,
          cltvExpiryDelta: 3,
        },
        {
          pubkey: "039e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255",
          shortChannelId: "197637x395016x2314",
          feeBaseMsat: 2n,
          feeProportionalMillionths: 30,
          cltvExpiryDelta: 4,
        },
      ],
    ],
  },
  { ...list, fallbacks: [base58Fallback(18, "3EktnHQD7RiAE6uzMj2ZifT9YgRrkSgzQX")] },
  { ...list, fallbacks: [segwitFallback("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")] },
  {
    ...list,
    fallbacks: [segwitFallback("bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3")],
  },
  {
    ...common,
    amountMsat: 967_878_534n,
    timestamp: 1572468703,
    expirySeconds: 604_800,
    minFinalCltvExpiryDelta: 10,
    paymentHash: "462264ede7e14047e9b249da94fefc47f41f7d02ee9b091815a5506bc8abf75f",
    description: ITEMS,
    routeHints: [
      [
        {
          pubkey: "03d06758583bb5154774a6eb221b1276c9e82d65bbaceca806d90e20c108f4b1c7",
          shortChannelId: "589390x3312x1",
          feeBaseMsat: 1000n,
          feeProportionalMillionths: 2500,
          cltvExpiryDelta: 40,
        },
      ],
    ],
  },
  beans,
  beans,
  beans,
  {
    ...common,
    amountMsat: 1_000_000_000n,
    description: "payment metadata inside",
    metadata: "01fafaf0",
    features: [8, 14, 48],
  },
  // BOLT 11 names no key for this example. It negates s and keeps the recovery id, so that the
  // recovered key differs from the donation's.
  { ...donation, payee: "02d0139ce7427d6dfffd26a326c18be754ef1e64672b42694ba5b23ef6e6e7803d" },
];

describe("an example of BOLT 11 is read as the BOLT explains it [case 66]", () => {
  test("the file has 15 valid and 10 invalid examples", () => {
    expect([vectors.valid.length, vectors.invalid.length]).toEqual([15, 10]);
    expect(expected).toHaveLength(15);
  });

  test.each(vectors.valid.map((example, i) => ({ ...example, want: expected[i]! })))(
    "$about",
    (example) => {
      const { text, signature, expiresAt, ...rest } = Invoice.decode(example.invoice);
      expect(rest).toEqual(example.want);
      expect(text).toBe(example.invoice.toLowerCase());
      expect(expiresAt).toBe(example.want.timestamp + example.want.expirySeconds);
      expect(signature).toMatch(/^[0-9a-f]{128}0[0-3]$/);
    },
  );
});

describe("an invalid example of BOLT 11 is refused, and the refusal does not repeat it", () => {
  test.each(vectors.invalid)("$about", ({ invoice }) => {
    expect(() => Invoice.decode(invoice)).toThrow(
      expect.objectContaining({
        name: "ChallengeError",
        code: "ERR_INVOICE_MALFORMED",
        spent: "no",
      }),
    );
    try {
      Invoice.decode(invoice);
    } catch (error) {
      const shown = `${(error as Error).stack} ${JSON.stringify(error)} ${(error as Error).cause}`;
      expect(shown).not.toContain(invoice.slice(0, 40));
    }
  });
});

/** Without `x` and `c` at their defaults, which BOLT 11's examples leave out. */
function fieldsOf(invoice: Invoice): InvoiceFields {
  const { expirySeconds, minFinalCltvExpiryDelta, ...rest } = invoice;
  return {
    ...rest,
    paymentSecret: SECRET,
    ...(expirySeconds !== 3600 && { expirySeconds }),
    ...(minFinalCltvExpiryDelta !== 18 && { minFinalCltvExpiryDelta }),
  };
}

describe("encoding an example with BOLT 11's key gives its text, byte for byte", () => {
  // The other examples have another order of fields, or a high-S signature.
  test.each([0, 1, 2, 3, 5])("valid example %i", (i) => {
    const { invoice } = vectors.valid[i]!;
    expect(Invoice.encode(fieldsOf(Invoice.decode(invoice)), privateKey)).toBe(invoice);
  });

  test.each(vectors.valid)("the fields of: $about", ({ invoice }) => {
    const fields = Invoice.decode(invoice);
    const again = Invoice.decode(Invoice.encode({ ...fields, paymentSecret: SECRET }, privateKey));
    const signed = { text: again.text, signature: again.signature, payee: vectors.payee };
    expect(again).toEqual({ ...fields, ...signed });
  });
});
