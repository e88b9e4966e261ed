/** Laws of the texts of bytes, with Node's own coders as the other implementation. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base64Bytes, base64Text, hexBytes, hexText, utf8, utf8Text } from "./bytes.ts";

const bytes = fc.uint8Array({ maxLength: 80 });
const base64Chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=";

/**
 * The strict reading of RFC 4648, in its own words: one alphabet, whole quanta, zero trailing bits.
 */
function strict(text: string): Buffer | undefined {
  const forms = ["base64", "base64url"] as const;
  const bare = text.replace(/={1,2}$/, "");
  if (bare !== text && text.length % 4 !== 0) return undefined;
  for (const form of forms) {
    const read = Buffer.from(bare, form);
    if (read.toString(form).replace(/=+$/, "") === bare) return read;
  }
  return undefined;
}

describe("base64 [case 3]", () => {
  test("what is written is read back, in all four forms", () => {
    fc.assert(
      fc.property(bytes, (data) => {
        const text = Buffer.from(data).toString("base64");
        expect(base64Text(data)).toBe(text);
        const urlSafe = Buffer.from(data).toString("base64url");
        const padding = text.slice(text.replace(/=+$/, "").length);
        for (const form of [text, text.replace(/=+$/, ""), urlSafe, urlSafe + padding])
          expect(base64Bytes(form)).toEqual(data);
      }),
    );
  });

  test("a text is read exactly where the strict reading has one", () => {
    const texts = fc.oneof(
      fc.string({ unit: fc.constantFrom(...base64Chars), maxLength: 24 }),
      bytes.map((data) => Buffer.from(data).toString("base64")),
      fc.string({ unit: "binary", maxLength: 12 }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const read = base64Bytes(text);
        expect(read && Buffer.from(read)).toEqual(strict(text));
      }),
      { numRuns: 3000 },
    );
  });

  test("junk anywhere is refused", () => {
    const junk = fc
      .string({ unit: "binary", minLength: 1, maxLength: 2 })
      .filter((text) => !/^[\w+/=-]+$/.test(text));
    fc.assert(
      fc.property(bytes, junk, fc.nat(), (data, char, at) => {
        const text = Buffer.from(data).toString("base64");
        const index = at % (text.length + 1);
        expect(base64Bytes(text.slice(0, index) + char + text.slice(index))).toBeUndefined();
      }),
    );
  });
});

test("hex is read exactly where every character is a digit of a pair [case 4]", () => {
  const texts = fc.oneof(
    fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEFgG xX"), maxLength: 12 }),
    bytes.map((data) => Buffer.from(data).toString("hex")),
    fc.string({ unit: "binary", maxLength: 8 }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const isHex =
        text.length % 2 === 0 && [...text].every((char) => "0123456789abcdefABCDEF".includes(char));
      const read = hexBytes(text);
      expect(read && Buffer.from(read)).toEqual(isHex ? Buffer.from(text, "hex") : undefined);
      if (read !== undefined) expect(hexText(read)).toBe(text.toLowerCase());
    }),
    { numRuns: 2000 },
  );
});

test("UTF-8 is read exactly where it writes back to the same bytes [case 14]", () => {
  fc.assert(
    fc.property(fc.oneof(bytes, fc.string({ unit: "binary" }).map(utf8)), (data) => {
      const lossy = Buffer.from(data).toString("utf8");
      const faithful = Buffer.from(lossy, "utf8").equals(data);
      expect(utf8Text(data)).toBe(faithful ? lossy : undefined);
    }),
    { numRuns: 2000 },
  );
});
