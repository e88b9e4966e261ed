/** The primitives, against published vectors and `node:crypto`'s plain calls. */
import { createHash, createHmac, hkdfSync } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { binaryOf, hexBytes, hexOfBinary, hexText, utf8 } from "./bytes.ts";
import {
  equalBinary,
  equalBytes,
  hkdfExpandUnder,
  hkdfExtract,
  hmacBinary,
  hmacSha256,
  hmacUnder,
  nonceBytes,
  randomBytes,
  sha256,
  sha256OfHex,
} from "./crypto.ts";

describe("published vectors", () => {
  test("SHA-256 of abc (FIPS 180-4)", () => {
    expect(hexText(sha256(utf8("abc")))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });

  // RFC 4231 §4.2, §4.3, §4.7.
  test.each([
    [
      "0b".repeat(20),
      "4869205468657265",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ],
    [
      "4a656665",
      "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ],
    [
      "aa".repeat(131),
      "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ],
  ])("HMAC-SHA256 (RFC 4231) under %s", (key, message, mac) => {
    expect(hexText(hmacSha256(hexBytes(key)!, hexBytes(message)!))).toBe(mac);
    expect(hexText(hmacUnder(hexBytes(key)!)(hexBytes(message)!))).toBe(mac);
  });

  test("HKDF-SHA256 with an empty salt (RFC 5869 A.3)", () => {
    const key = hkdfExtract(hexBytes("0b".repeat(22))!);
    expect(hexText(key)).toBe("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
    expect(hexText(hkdfExpandUnder(key)(new Uint8Array()))).toBe(
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
    );
  });
});

test("a digest has memory of its own, where no key can lie beside it", () => {
  const key = utf8("k".repeat(32));
  for (const digest of [
    hmacSha256(key, key),
    hmacUnder(key)(key),
    sha256(key),
    hkdfExpandUnder(hkdfExtract(key))(key),
  ])
    expect(digest.buffer.byteLength).toBe(32);
});

describe("the same as node:crypto, whatever the bytes", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });

  test("SHA-256", () => {
    fc.assert(
      fc.property(bytes, (message) => {
        const expected = createHash("sha256").update(message).digest("hex");
        expect(hexText(sha256(message))).toBe(expected);
        expect(hexOfBinary(sha256OfHex(hexText(message)))).toBe(expected);
      }),
    );
  });

  test("HMAC-SHA256, both ways, also under views of a larger buffer", () => {
    fc.assert(
      fc.property(bytes, bytes, fc.nat(20), (key, message, skip) => {
        const view = key.subarray(Math.min(skip, key.length));
        const expected = createHmac("sha256", view).update(message).digest("hex");
        expect(hexText(hmacSha256(view, message))).toBe(expected);
        expect(hexText(hmacUnder(view)(message))).toBe(expected);
        expect(hexOfBinary(hmacBinary(binaryOf(view), binaryOf(message)))).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  test("HKDF-SHA256 of one block", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 64 }), bytes, (secret, info) => {
        const expected = Buffer.from(
          hkdfSync("sha256", secret, new Uint8Array(), info, 32),
        ).toString("hex");
        expect(hexText(hkdfExpandUnder(hkdfExtract(secret))(info))).toBe(expected);
      }),
    );
  });
});

describe("comparing [case 13]", () => {
  test("equal is equal in every byte and in length", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (a, at, bit) => {
          const other = a.slice();
          expect(equalBytes(a, other)).toBe(true);
          other[at % a.length]! ^= bit;
          expect(equalBytes(a, other)).toBe(false);
          expect(equalBytes(a, a.subarray(1))).toBe(false);
          expect(equalBytes(a.subarray(0, -1), a)).toBe(false);
        },
      ),
    );
    expect(equalBytes(new Uint8Array(), new Uint8Array())).toBe(true);
  });

  test.each([1, 31, 32, 33, 100])("so it is for binary texts of %i bytes", (length) => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: length, maxLength: length }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (a, at, bit) => {
          const other = a.slice();
          expect(equalBinary(binaryOf(a), binaryOf(other))).toBe(true);
          other[at % length]! ^= bit;
          expect(equalBinary(binaryOf(a), binaryOf(other))).toBe(false);
          expect(equalBinary(binaryOf(a), binaryOf(a.subarray(1)))).toBe(false);
        },
      ),
    );
  });

  const source = join(import.meta.dirname, "..");
  const read = (path: string) => readFileSync(join(source, path), "utf8");

  test("it is timingSafeEqual, after the lengths", () => {
    expect(read("internal/crypto.ts")).toMatch(
      /a\.length === b\.length && platform\.timingSafeEqual\(a, b\)/,
    );
  });

  test("a signature is compared in constant time, and with nothing else anywhere", () => {
    expect(read("l402/hmac-verifier.ts")).toMatch(
      /if \(!equalBinary\(chain\.at\(-1\)!, signature\)\)/,
    );
    expect(read("internal/crypto.ts")).toMatch(/const isEqual = equalBytes\(ONE, OTHER\);/);
    const files = ["macaroon", "credential", "l402", "caveat", "internal"].flatMap((folder) =>
      readdirSync(join(source, folder))
        .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
        .map((name) => `${folder}/${name}`),
    );
    expect(files.length).toBeGreaterThan(20);
    const compared =
      /signature\w*(?:\.at\(-1\))?\)?!? *[!=]==? |[!=]==? *\w*\.?signature\b(?!\.length)|indexOf\(.*signature/i;
    for (const file of files)
      for (const line of read(file).split("\n"))
        if (compared.test(line)) expect.fail(`${file}: ${line.trim()}`);
  });
});

test("random bytes have the length that was asked for, and differ", () => {
  expect(randomBytes(32)).toHaveLength(32);
  expect(randomBytes(32)).not.toEqual(randomBytes(32));
});

describe("nonces", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test("come from the system many at a time, and each byte is wiped when it is taken", () => {
    const filled: Uint8Array[] = [];
    const { getRandomValues } = crypto;
    vi.spyOn(crypto, "getRandomValues").mockImplementation((array) => {
      filled.push(array as unknown as Uint8Array);
      return getRandomValues.call(crypto, array);
    });
    const taken = Array.from({ length: 400 }, () => nonceBytes(8));
    expect(taken.every((nonce) => nonce.length === 8 && nonce.buffer.byteLength === 8)).toBe(true);
    expect(new Set(taken.map(hexText)).size).toBe(400);
    expect(filled.length).toBeGreaterThanOrEqual(3);
    expect(filled.length).toBeLessThanOrEqual(4);
    const pool = Buffer.from(filled.at(-1)!).toString("hex");
    expect(taken.filter((nonce) => pool.includes(hexText(nonce)))).toEqual([]);
  });

  test("are never cut from two fillings", () => {
    for (let length = 1; length < 100; length++) expect(nonceBytes(length)).toHaveLength(length);
    const large = nonceBytes(1024);
    expect(large.filter((byte) => byte === 0).length).toBeLessThan(40);
  });
});
