/** lnd's package `zpay32`: what it reads we read alike, and what each writes the other reads. */
import { Invoice } from "l8nt/invoice";
import { expect, test } from "vitest";
import { COMMON, REFUSED, SPELLINGS } from "../../packages/l8nt/src/invoice/fixtures/spellings.ts";
import { Peer } from "./peer.ts";

/** Ours, in the peer's words. */
function readByUs(text: string) {
  const invoice = Invoice.decode(text);
  const { paymentHash, paymentSecret, amountMsat, timestamp, expirySeconds, payee } = invoice;
  return {
    ...{ paymentHash, timestamp, expirySeconds, payee },
    paymentSecret: paymentSecret ?? null,
    amountMsat: amountMsat?.toString() ?? null,
    minFinalCltvExpiryDelta: invoice.minFinalCltvExpiryDelta,
    description: invoice.description ?? null,
    routeHints: invoice.routeHints.length,
    blindedPaths: invoice.blindedPaths?.length ?? 0,
  };
}

test.each(SPELLINGS.filter(({ notBy }) => !notBy?.includes("lnd")))(
  "lnd reads as we do: $name",
  async ({ text, says }) => {
    const read = await Peer.start().readInvoice(text);
    // lnd counts no hop as one route hint.
    expect({ ...read, routeHints: 0 }).toEqual({ ...readByUs(text), routeHints: 0 });
    const { paymentHash, expirySeconds, minFinalCltvExpiryDelta } = { ...COMMON, ...says };
    expect(read).toMatchObject({ paymentHash, expirySeconds, minFinalCltvExpiryDelta });
  },
);

test.each(REFUSED.filter(({ notBy }) => notBy?.includes("lnd")))(
  "lnd refuses, as we do: $name",
  async ({ text }) => {
    await expect(Peer.start().readInvoice(text)).rejects.toThrow();
    expect(() => Invoice.decode(text)).toThrow();
  },
);

const HASH = "5a".repeat(32);
/** Each number at its edges, in every combination. */
const WISHES = [undefined, 1, 999, 21_000, 100_000_000_000].flatMap((amountMsat) =>
  [0, 1, 31, 32, 3600, 31_536_000].flatMap((expirySeconds) =>
    [0, 1, 18, 40, 2016].flatMap((minFinalCltvExpiryDelta) =>
      ["", "Wetter für Zürich"].map((description) => ({
        ...{ amountMsat, expirySeconds, minFinalCltvExpiryDelta, description },
        paymentHash: HASH,
        timestamp: 1_700_000_000,
      })),
    ),
  ),
);

test("we read what lnd writes, and lnd reads what we write, at the edges of each number", async () => {
  const peer = Peer.start();
  for (const wish of WISHES) {
    const theirs = await peer.writeInvoice(wish);
    const want = {
      ...wish,
      amountMsat: wish.amountMsat?.toString() ?? null,
      paymentSecret: HASH,
      payee: Invoice.decode(theirs).payee,
    };
    expect(readByUs(theirs), JSON.stringify(wish)).toMatchObject(want);
    const ours = Invoice.encode(
      {
        ...wish,
        network: "bcrt",
        amountMsat: wish.amountMsat === undefined ? undefined : BigInt(wish.amountMsat),
        paymentSecret: HASH,
        features: [8, 14],
      },
      Buffer.from(HASH, "hex"),
    );
    expect(await peer.readInvoice(ours), JSON.stringify(wish)).toMatchObject(want);
  }
});
