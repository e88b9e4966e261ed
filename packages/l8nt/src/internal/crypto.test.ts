/** The primitives, against published vectors and `node:crypto`'s plain calls. */
import { createHash, createHmac, hkdfSync } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hexBytes, hexText, utf8 } from "./bytes.ts";
import {
  equalBytes,
  hkdfExpandUnder,
  hkdfExtract,
  hmacSha256,
  hmacUnder,
  randomBytes,
  sha256,
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
        expect(hexText(sha256(message))).toBe(createHash("sha256").update(message).digest("hex"));
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

  const source = join(import.meta.dirname, "..");
  const read = (path: string) => readFileSync(join(source, path), "utf8");

  test("it is timingSafeEqual, after the lengths", () => {
    expect(read("internal/crypto.ts")).toMatch(
      /a\.length === b\.length && platform\.timingSafeEqual\(a, b\)/,
    );
  });

  test("a signature is compared with equalBytes, and with nothing else anywhere", () => {
    expect(read("l402/hmac-verifier.ts")).toMatch(
      /if \(!equalBytes\(prefixes\.at\(-1\)!, macaroon\.signature\)\)/,
    );
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
