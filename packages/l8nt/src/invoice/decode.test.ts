/**
 * Rules of BOLT 11 that its own examples leave out. Each invoice is signed and checksummed, and
 * breaks one rule, or keeps it in a spelling that few writers use.
 */
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { bech32 } from "@scure/base";
import { describe, expect, test } from "vitest";
import { hexBytes, utf8 } from "../internal/bytes.ts";
import {
  COMMON,
  field,
  forge,
  LINKED,
  LINKS,
  TIMESTAMP as NOW,
  REFUSED,
  SPELLINGS,
} from "./fixtures/spellings.ts";
import { Invoice, type InvoiceFields } from "./index.ts";
import { publicKeyOf } from "./signature.ts";
import { TAG } from "./tags.ts";
import { bytesToWords, integerToWords, wordsToBytes } from "./words.ts";

const key = new Uint8Array(32).fill(7);
const refused = expect.objectContaining({ name: "ChallengeError", code: "ERR_INVOICE_MALFORMED" });

const p = field(TAG.p, bytesToWords(hexBytes("ab".repeat(32))!));
const s = field(TAG.s, bytesToWords(hexBytes("cd".repeat(32))!));
const d = field(TAG.d, bytesToWords(utf8("x")));
const h = field(TAG.h, bytesToWords(hexBytes("ef".repeat(32))!));

const decode = (fields: readonly number[][], prefix = "lnbcrt") =>
  Invoice.decode(forge(fields, { prefix }));

test("a forged invoice with p, s and d is valid, so that each refusal below has one reason", () => {
  expect(decode([p, s, d])).toMatchObject({
    network: "bcrt",
    description: "x",
    amountMsat: undefined,
  });
});

describe("the network is read from the whole prefix [case 66]", () => {
  test.each([
    ["lnbc", "bc"],
    ["lntb", "tb"],
    ["lntbs", "tbs"],
    ["lnbcrt", "bcrt"],
    ["lnsb", "sb"],
    ["lnbcrt20u", "bcrt"],
    ["lntbs20u", "tbs"],
  ])("%s is %s", (prefix, network) => {
    expect(decode([p, s, d], prefix).network).toBe(network);
  });

  test.each([
    "lnbcr",
    "lnbcx",
    "lnbcrtx",
    "lntbx",
    "lnltc",
    "lno",
    "bc",
    "ln",
    "lnbc2500x",
    "lnbcrt-1",
    "xlnbc",
  ])("%s is refused", (prefix) => {
    expect(() => decode([p, s, d], prefix)).toThrow(refused);
  });
});

describe("an amount is a whole number of msat", () => {
  test.each([
    ["1", 100_000_000_000n],
    ["1m", 100_000_000n],
    ["1u", 100_000n],
    ["1n", 100n],
    ["10p", 1n],
    ["20999999999999999990p", 2_099_999_999_999_999_999n],
    ["21000000", 2_100_000_000_000_000_000n],
    ["2500000000p", 250_000_000n],
  ])("%s is %d msat", (amount, msat) => {
    expect(decode([p, s, d], `lnbcrt${amount}`).amountMsat).toBe(msat);
  });

  test.each([
    "1p",
    "15p",
    "1x",
    "1mm",
    "m",
    "1.5",
    "21000001",
    "21000000001m",
    `${"9".repeat(40)}p`,
  ])("%s is refused", (amount) => {
    expect(() => decode([p, s, d], `lnbcrt${amount}`)).toThrow(refused);
  });
});

describe("a required field must occur", () => {
  test.each([
    ["no payment hash", [s, d]],
    ["no payment secret", [p, d]],
    ["neither d nor h", [p, s]],
    ["both d and h", [p, s, d, h]],
    [
      "only a payment hash of another length",
      [field(TAG.p, bytesToWords(new Uint8Array(33))), s, d],
    ],
  ])("%s is refused", (_, fields) => {
    expect(() => decode(fields)).toThrow(refused);
  });

  test.each([51, 53])(
    "p, s, h and n of another length (%i words) are skipped beside the right ones",
    (length) => {
      const odd = [TAG.p, TAG.s, TAG.h].map((type) => field(type, new Array(length).fill(0)));
      const odder = field(TAG.n, new Array(length + 1).fill(0));
      expect(decode([...odd, odder, p, s, d]).paymentHash).toBe("ab".repeat(32));
    },
  );

  test("an unknown field is skipped", () => {
    expect(decode([field(2, [1, 2, 3]), field(31, []), p, s, d]).description).toBe("x");
  });
});

describe.each(SPELLINGS)("$name", ({ text, says, notBy = [] }) => {
  test(`is read, as by ${["lnd", "ldk"].filter((one) => !notBy.includes(one as "lnd")).join(" and ")}`, () => {
    expect(Invoice.decode(text)).toMatchObject({ ...COMMON, ...says });
  });
});

test.each(REFUSED)("$name is refused", ({ text }) => {
  expect(() => Invoice.decode(text)).toThrow(refused);
});

test.each(LINKS)("the link %s is the invoice that it leads to, in lower case", (link) => {
  expect(Invoice.decode(link)).toEqual(Invoice.decode(LINKED));
  expect(Invoice.decode(link).text).toBe(LINKED);
});

test("numbers of 0 are written without a word, as BOLT 11 asks for the least length", () => {
  const fields = {
    network: "bcrt",
    timestamp: NOW,
    paymentHash: "ab".repeat(32),
    paymentSecret: "cd".repeat(32),
    description: "x",
    expirySeconds: 0,
    minFinalCltvExpiryDelta: 0,
  } as const;
  const { words } = bech32.decode(Invoice.encode(fields, key) as `${string}1${string}`, false);
  const zeros = [...field(TAG.x, []), ...field(TAG.c, [])];
  expect(words.slice(0, -104).slice(-zeros.length)).toEqual(zeros);
});

describe("a field that cannot be read is refused", () => {
  const badPadding = [...p.slice(0, -1), p.at(-1)! | 1];
  test.each([
    ["padding that is not zero", [badPadding, s, d]],
    ["a whole word of padding", [p, s, field(TAG.d, [0, 0, 0])]],
    [
      "a description that is not UTF-8",
      [p, s, field(TAG.d, bytesToWords(Uint8Array.of(0xff, 0xfe)))],
    ],
    ["a length past the end", [p, s, d, [TAG.d, 31, 31, 1]]],
    ["a length one past the end", [p, s, d, [2, 0, 2, 1]]],
    ["a field cut in its head", [p, s, d, [TAG.x, 0]]],
    ["half a route hop", [p, s, d, field(TAG.r, bytesToWords(new Uint8Array(50).fill(2)))]],
    ["an empty fallback", [p, s, d, field(TAG.f, [])]],
    [
      "a witness program of version 0 and 21 bytes",
      [p, s, d, field(TAG.f, [0, ...bytesToWords(new Uint8Array(21))])],
    ],
    [
      "an unknown required feature",
      [p, s, d, field(TAG.features, [...new Array(20).fill(0)].with(0, 2))],
    ],
    [
      "a payee that is not a point of the curve",
      [p, s, d, field(TAG.n, bytesToWords(new Uint8Array(33).fill(2)))],
    ],
    [
      "a payee that did not sign it",
      [p, s, d, field(TAG.n, bytesToWords(publicKeyOf(new Uint8Array(32).fill(8))))],
    ],
  ])("%s is refused", (_, fields) => {
    expect(() => decode(fields)).toThrow(refused);
  });

  test("a fallback of an unknown version is skipped, an optional feature is kept", () => {
    const later = field(TAG.f, [19, 1, 2, 3]);
    const optional = field(TAG.features, integerToWords(2 ** 9 + 2 ** 21));
    expect(decode([p, s, d, later, optional])).toMatchObject({ fallbacks: [], features: [9, 21] });
  });
});

describe("time cannot overflow [case 67]", () => {
  test("the default expiry is an hour", () => {
    expect(decode([p, s, d])).toMatchObject({
      timestamp: NOW,
      expirySeconds: 3600,
      expiresAt: NOW + 3600,
    });
  });

  test("an expiry of zero expires at the timestamp", () => {
    expect(decode([p, s, d, field(TAG.x, [])]).expiresAt).toBe(NOW);
  });

  test("the latest timestamp and a large expiry add up exactly", () => {
    const x = field(TAG.x, integerToWords(2 ** 52));
    expect(Invoice.decode(forge([p, s, d, x], { timestamp: 2 ** 35 - 1 })).expiresAt).toBe(
      2 ** 35 - 1 + 2 ** 52,
    );
  });

  test.each([
    [
      "2^53 - 1 (whose end is above the largest safe integer)",
      integerToWords(Number.MAX_SAFE_INTEGER),
    ],
    ["2^64", [16, ...new Array(12).fill(0)]],
    ["1023 words", new Array(1023).fill(31)],
  ])("an expiry of %s is refused", (_, words) => {
    expect(() => decode([p, s, d, field(TAG.x, words)])).toThrow(refused);
  });
});

describe("an invoice is signed by its payee", () => {
  const n = field(TAG.n, bytesToWords(publicKeyOf(key)));
  function resign(fields: number[][], change: (signature: Uint8Array) => Uint8Array): string {
    const { prefix, words } = bech32.decode(forge(fields) as `${string}1${string}`, false);
    const signature = change(wordsToBytes(words.slice(-104))!);
    return bech32.encode(prefix, [...words.slice(0, -104), ...bytesToWords(signature)], false);
  }
  const highS = (signature: Uint8Array) => {
    const { r, s } = secp256k1.Signature.fromBytes(signature.subarray(0, 64));
    const other = new secp256k1.Signature(r, secp256k1.Point.Fn.ORDER - s).toBytes();
    return Uint8Array.of(...other, signature[64]! ^ 1);
  };

  test("a high-S signature is valid if the key is recovered, and refused if the invoice names it", () => {
    const payee = decode([p, s, d]).payee;
    expect(Invoice.decode(resign([p, s, d], highS)).payee).toBe(payee);
    expect(decode([p, s, d, n]).payee).toBe(payee);
    expect(() => Invoice.decode(resign([p, s, d, n], highS))).toThrow(refused);
  });

  test.each([
    ["all zeros", (signature: Uint8Array) => signature.fill(0)],
    ["r past the order", (signature: Uint8Array) => signature.fill(0xff, 0, 32)],
    ["recovery id 4", (signature: Uint8Array) => signature.fill(4, 64)],
    ["recovery id 2 for an ordinary r", (signature: Uint8Array) => signature.fill(2, 64)],
  ])("%s is refused", (_, change) => {
    expect(() => Invoice.decode(resign([p, s, d], change))).toThrow(refused);
  });
});

describe("size and type are checked first", () => {
  test("a text of a megabyte is refused by its length, without decoding", () => {
    const huge = `lnbc1${"q".repeat(2 ** 20)}`;
    expect(() => Invoice.decode(huge)).toThrow("longer than 7089 characters");
  });

  test("a long invoice within the limit is read", () => {
    const hints = Array.from({ length: 6 }, () => field(2, new Array(1023).fill(1)));
    expect(decode([...hints, p, s, d]).text.length).toBeGreaterThan(6000);
  });

  test.each([undefined, null, 1, 1n, {}, [], Symbol("x"), { toString: () => "lnbc" }])(
    "%s is refused",
    (value) => {
      expect(() => Invoice.decode(value as unknown as string)).toThrow(refused);
    },
  );

  test("a decoded invoice is deeply frozen", () => {
    const invoice = decode([p, s, d, field(TAG.f, [17, ...bytesToWords(new Uint8Array(20))])]);
    for (const part of [
      invoice,
      invoice.features,
      invoice.fallbacks,
      invoice.fallbacks[0],
      invoice.routeHints,
    ])
      expect(Object.isFrozen(part)).toBe(true);
  });
});

describe("encode refuses invalid fields with a TypeError", () => {
  const good: InvoiceFields = {
    network: "bcrt",
    amountMsat: 1n,
    timestamp: NOW,
    paymentHash: "ab".repeat(32),
    paymentSecret: "cd".repeat(32),
    description: "",
  };
  test.each<[string, Partial<Record<keyof InvoiceFields, unknown>>]>([
    ["an amount of zero", { amountMsat: 0n }],
    ["a negative amount", { amountMsat: -1n }],
    ["an amount that is a number", { amountMsat: 5 }],
    ["more than 21 million bitcoin", { amountMsat: 2_100_000_000_000_000_001n }],
    ["an unknown network", { network: "ltc" }],
    ["a fraction of a second", { timestamp: 1.5 }],
    ["a timestamp past 35 bits", { timestamp: 2 ** 35 }],
    ["a short hash", { paymentHash: "ab" }],
    ["no hash", { paymentHash: undefined }],
    ["two descriptions", { descriptionHash: "ab".repeat(32) }],
    ["half a surrogate", { description: "\ud800" }],
    ["a description past 639 bytes", { description: "x".repeat(640) }],
    ["an unknown required feature", { features: [100] }],
    ["a fallback of an unknown version", { fallbacks: [{ version: 40, program: "00" }] }],
    ["an empty route hint", { routeHints: [[]] }],
    ["a negative expiry", { expirySeconds: -1 }],
  ])("%s", (_, wrong) => {
    expect(() => Invoice.encode({ ...good, ...wrong } as InvoiceFields, key)).toThrow(TypeError);
  });

  test("a private key of zeros", () => {
    expect(() => Invoice.encode(good, new Uint8Array(32))).toThrow(TypeError);
  });
});
