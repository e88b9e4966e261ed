/** BOLT 11 at the decoders of npm: what they read we read alike, and they read what we write. */
import bolt11 from "bolt11";
import fc from "fast-check";
import { Invoice, type InvoiceFields } from "l8nt/invoice";
import { decode as decodeLight } from "light-bolt11-decoder";
import { describe, expect, test } from "vitest";
import { SPELLINGS } from "../../packages/l8nt/src/invoice/fixtures/spellings.ts";

type Said = Record<string, unknown>;

/** What all three say; what an invoice leaves out is left out, as both libraries do. */
function byLight(text: string): Said {
  const read = decodeLight(text) as unknown as Said & { sections: readonly Said[] };
  const section = (name: string) => read.sections.find((one) => one.name === name)?.value;
  return {
    paymentHash: read.payment_hash,
    description: read.description,
    amountMsat: section("amount"),
    timestamp: section("timestamp"),
    expirySeconds: section("expiry"),
    minFinalCltvExpiryDelta: section("min_final_cltv_expiry"),
  };
}

function byBolt11(text: string): Said {
  const { tagsObject: tags, ...read } = bolt11.decode(text) as ReturnType<typeof bolt11.decode> & {
    readonly tagsObject: Said;
  };
  return {
    paymentHash: tags.payment_hash,
    description: tags.description,
    amountMsat: read.millisatoshis ?? undefined,
    timestamp: read.timestamp,
    expirySeconds: tags.expire_time,
    minFinalCltvExpiryDelta: tags.min_final_cltv_expiry,
  };
}

/** @param like gives the numbers that the invoice leaves out, and ours fills in */
function byUs(text: string, like: Said): Said {
  const read = Invoice.decode(text);
  const { expirySeconds, minFinalCltvExpiryDelta: delta } = read;
  const isLeftOut = (name: string, isDefault: boolean) => like[name] === undefined && isDefault;
  return {
    paymentHash: read.paymentHash,
    description: read.description,
    amountMsat: read.amountMsat?.toString(),
    timestamp: read.timestamp,
    expirySeconds: isLeftOut("expirySeconds", expirySeconds === 3600) ? undefined : expirySeconds,
    minFinalCltvExpiryDelta: isLeftOut("minFinalCltvExpiryDelta", delta === 18) ? undefined : delta,
  };
}

const PEERS = [
  ["light-bolt11-decoder", byLight],
  ["bolt11", byBolt11],
] as const;

describe.each(PEERS)("%s", (name, byPeer) => {
  // Of a repeated field bolt11 shows the last one. It is a decoder, and no wallet pays by it.
  const spellings = SPELLINGS.filter((one) => name !== "bolt11" || !one.name.startsWith("two "));

  test.each(spellings)("reads as we do: $name", ({ text }) => {
    const theirs = byPeer(text);
    expect(theirs).toEqual(byUs(text, theirs));
  });

  test("reads what we write", () => {
    const hex = fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((bytes) => Buffer.from(bytes).toString("hex"));
    const fields: fc.Arbitrary<InvoiceFields> = fc.record({
      network: fc.constantFrom("bc", "tb", "bcrt", "sb"),
      amountMsat: fc.option(fc.bigInt(1n, 10n ** 14n), { nil: undefined }),
      timestamp: fc.integer({ min: 1_400_000_000, max: 2 ** 32 }),
      expirySeconds: fc.nat(2 ** 31),
      minFinalCltvExpiryDelta: fc.nat(10_000),
      paymentHash: hex,
      paymentSecret: hex,
      description: fc.string({ unit: "grapheme", maxLength: 60 }),
      features: fc.constant([8, 14]),
    });
    fc.assert(
      fc.property(fields, (wanted) => {
        const text = Invoice.encode(wanted, Buffer.alloc(32, 9));
        const { paymentHash, description, timestamp, expirySeconds } = wanted;
        expect(byPeer(text)).toEqual({
          ...{ paymentHash, description, timestamp, expirySeconds },
          amountMsat: wanted.amountMsat?.toString(),
          minFinalCltvExpiryDelta: wanted.minFinalCltvExpiryDelta,
        });
      }),
      { numRuns: 200 },
    );
  });
});
