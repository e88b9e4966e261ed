/** Texts of bytes: the whole input or nothing. The tables are RFC 4648's and hand-written. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Binary,
  base64Bytes,
  base64Text,
  binaryOf,
  binaryOfUtf8,
  bytesOf,
  concat,
  hexBytes,
  hexText,
  utf8,
  utf8OfBinary,
  utf8Text,
} from "./bytes.ts";

const ascii = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

describe("base64 [case 3]", () => {
  // RFC 4648 §10.
  test.each([
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg=="],
    ["fooba", "Zm9vYmE="],
    ["foobar", "Zm9vYmFy"],
  ])("%j is written %j, and read with and without its padding", (plain, text) => {
    expect(base64Text(ascii(plain))).toBe(text);
    expect(base64Bytes(text)).toEqual(ascii(plain));
    expect(base64Bytes(text.replace(/=+$/, ""))).toEqual(ascii(plain));
  });

  const fbff = Uint8Array.of(0xfb, 0xff, 0xfe);
  test.each(["+//+", "-__-"])("%j is read in one alphabet", (text) => {
    expect(base64Bytes(text)).toEqual(fbff);
  });

  test.each([
    ["the alphabets mixed", "+_/-"],
    ["the alphabets mixed in one text", "-//+"],
    ["bits that are not zero, one byte", "AB=="],
    ["bits that are not zero, unpadded", "AB"],
    ["bits that are not zero, two bytes", "AAB="],
    ["bits that are not zero, URL-safe", "_-_"],
    ["a padding too short", "AA="],
    ["a padding too long", "AA==="],
    ["a padding too long by four", "AAAA===="],
    ["a padding where none belongs", "AAAA="],
    ["padding alone", "="],
    ["padding alone, four", "===="],
    ["padding inside", "AA==AA=="],
    ["a length that no bytes have", "A"],
    ["a length that no bytes have, padded", "A==="],
    ["a length that no bytes have, longer", "AAAAA"],
    ["a blank in front", " AAAA"],
    ["a blank behind", "AAAA "],
    ["a blank inside", "AA AA"],
    ["a line feed inside", "AAAA\nAAAA"],
    ["a line feed behind", "AAAA\n"],
    ["a tab", "AA\tAA"],
    ["a NUL", "AA\0AA"],
    ["a byte-order mark", "\uFEFFAAAA"],
    ["a letter that looks like A", "\u0410AAA"],
    ["a letter whose low byte is A", "\u0141AAA"],
    ["a full-width letter", "\uFF21AAA"],
    ["a lone surrogate", "\uD800AAA"],
    ["percent-encoding", "%2BAAA"],
    ["junk", "A!AA"],
    ["a comma", "AAAA,AAAA"],
    ["a colon", "AAAA:AAAA"],
  ])("%s is refused", (_what, text) => {
    expect(base64Bytes(text)).toBeUndefined();
  });
});

describe("hex [case 4]", () => {
  test("either case is read, lower case is written", () => {
    expect(hexBytes("00fFAb")).toEqual(Uint8Array.of(0, 255, 0xab));
    expect(hexText(Uint8Array.of(0, 255, 0xab))).toBe("00ffab");
    expect(hexBytes("")).toEqual(new Uint8Array());
  });

  test.each([
    "0",
    "000",
    "0g",
    "00gg",
    "00 ",
    " 00",
    "0x00",
    "00\n",
    "\n00",
    "00\0",
    "\uFF10\uFF10",
    "-1",
    "+1",
  ])("%j is refused, and never cut short", (text) => {
    expect(hexBytes(text)).toBeUndefined();
  });
});

describe("UTF-8 [case 14]", () => {
  test.each([
    ["a stray continuation", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["an overlong NUL", [0xc0, 0x80]],
    ["an overlong three-byte slash", [0xe0, 0x80, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["past the last code point", [0xf4, 0x90, 0x80, 0x80]],
    ["a sequence cut off", [0x61, 0xe2, 0x82]],
    ["0xff", [0xff]],
  ])("%s is no text", (_what, bytes) => {
    expect(utf8Text(Uint8Array.from(bytes))).toBeUndefined();
  });

  test("a byte-order mark and a NUL are kept", () => {
    expect(utf8Text(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0))).toBe("\uFEFFa\0");
  });

  test("text is written as its bytes", () => {
    expect(utf8("é€")).toEqual(Uint8Array.of(0xc3, 0xa9, 0xe2, 0x82, 0xac));
  });
});

describe("binary texts", () => {
  test("hold one character for each byte", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (value) => {
        const binary = binaryOf(value);
        expect([...binary].map((char) => char.charCodeAt(0))).toEqual([...value]);
        expect(bytesOf(binary)).toEqual(value);
        expect(utf8OfBinary(binary)).toBe(utf8Text(value));
      }),
    );
  });

  test("hold the UTF-8 of a text", () => {
    expect(binaryOfUtf8("é€")).toBe("\xc3\xa9\xe2\x82\xac");
    expect(utf8OfBinary(binaryOfUtf8("é€"))).toBe("é€");
    expect(utf8OfBinary("\xc0\xaf" as Binary)).toBeUndefined();
  });
});

test("what is read has memory of its own: Node's Buffers share a pool, and a clone of one view takes all of it along", () => {
  for (const bytes of [hexBytes("00ff")!, base64Bytes("AAAA")!, utf8("ab")]) {
    expect(bytes).not.toBeInstanceOf(Buffer);
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  }
});

test("concat joins views without reading past them", () => {
  const backing = Uint8Array.of(1, 2, 3, 4, 5);
  expect(concat(backing.subarray(1, 2), new Uint8Array(), backing.subarray(3))).toEqual(
    Uint8Array.of(2, 4, 5),
  );
});
