/**
 * The V2 packet, written out field by field: one order, one length for each field, nothing besides.
 * [case 5]
 */
import { describe, expect, test } from "vitest";
import vectors from "../../../../spec/vectors/macaroons.json" with { type: "json" };
import { field, packetOf } from "../../../../test/fuzz/golden.ts";
import { utf8 } from "../internal/bytes.ts";
import { Macaroon } from "./macaroon.ts";

const VERSION = Buffer.of(2);
const END = Buffer.of(0);
const LOCATION = field(1, utf8("here"));
const IDENTIFIER = field(2, utf8("id"));
const CAVEAT = [field(2, utf8("a=b")), END];
const VERIFICATION = field(4, new Uint8Array(48));
const SIGNATURE = field(6, new Uint8Array(32).fill(7));

const decode = (...parts: Uint8Array[]) => Macaroon.decode(Buffer.concat(parts));
const refusal = (code: string) => expect.objectContaining({ name: "TokenError", code });

describe("what is read", () => {
  test("location, identifier, caveats, signature, in this order", () => {
    const read = decode(VERSION, LOCATION, IDENTIFIER, END, ...CAVEAT, ...CAVEAT, END, SIGNATURE);
    expect(read.location).toBe("here");
    expect(Buffer.from(read.identifier).toString()).toBe("id");
    expect(read.caveats.map((caveat) => Buffer.from(caveat).toString())).toEqual(["a=b", "a=b"]);
    expect(read.signature).toEqual(new Uint8Array(32).fill(7));
  });

  test("no location, no caveats, an empty caveat", () => {
    expect(decode(VERSION, IDENTIFIER, END, END, SIGNATURE).location).toBe("");
    expect(
      decode(VERSION, IDENTIFIER, END, field(2, utf8("")), END, END, SIGNATURE).caveats,
    ).toEqual([new Uint8Array()]);
  });

  test("the bytes handed in may change afterwards; the macaroon does not", () => {
    const packet = packetOf({ caveats: ["a=b"] });
    const read = Macaroon.decode(packet);
    packet.fill(0);
    expect(Buffer.from(read.caveats[0]!).toString()).toBe("a=b");
    expect(Object.isFrozen(read) && Object.isFrozen(read.caveats)).toBe(true);
  });
});

describe("what is malformed [case 5]", () => {
  test.each<[string, Uint8Array[]]>([
    ["nothing", []],
    ["a version alone", [VERSION]],
    ["version 0", [Buffer.of(0), IDENTIFIER, END, END, SIGNATURE]],
    ["version 1", [Buffer.of(1), IDENTIFIER, END, END, SIGNATURE]],
    ["version 3", [Buffer.of(3), IDENTIFIER, END, END, SIGNATURE]],
    ["the version twice", [VERSION, VERSION, IDENTIFIER, END, END, SIGNATURE]],
    ["no identifier", [VERSION, LOCATION, END, END, SIGNATURE]],
    ["the location after the identifier", [VERSION, IDENTIFIER, LOCATION, END, END, SIGNATURE]],
    ["two locations", [VERSION, LOCATION, LOCATION, IDENTIFIER, END, END, SIGNATURE]],
    ["two identifiers", [VERSION, IDENTIFIER, IDENTIFIER, END, END, SIGNATURE]],
    ["no end of the header", [VERSION, IDENTIFIER, ...CAVEAT, END, SIGNATURE]],
    ["no end of a caveat", [VERSION, IDENTIFIER, END, CAVEAT[0]!, CAVEAT[0]!, END, END, SIGNATURE]],
    ["no end of the caveats", [VERSION, IDENTIFIER, END, ...CAVEAT, SIGNATURE]],
    ["one end too many", [VERSION, IDENTIFIER, END, END, END, SIGNATURE]],
    ["no signature", [VERSION, IDENTIFIER, END, END]],
    ["two signatures", [VERSION, IDENTIFIER, END, END, SIGNATURE, SIGNATURE]],
    ["a signature first", [VERSION, SIGNATURE, IDENTIFIER, END, END]],
    ["a signature of 31 bytes", [VERSION, IDENTIFIER, END, END, field(6, new Uint8Array(31))]],
    ["a signature of 33 bytes", [VERSION, IDENTIFIER, END, END, field(6, new Uint8Array(33))]],
    ["a signature of none", [VERSION, IDENTIFIER, END, END, field(6, new Uint8Array())]],
    ["a signature among the caveats", [VERSION, IDENTIFIER, END, SIGNATURE, END, END, SIGNATURE]],
    ["an unknown field", [VERSION, field(3, utf8("x")), IDENTIFIER, END, END, SIGNATURE]],
    [
      "an unknown field in a caveat",
      [VERSION, IDENTIFIER, END, CAVEAT[0]!, field(5, utf8("x")), END, END, SIGNATURE],
    ],
    [
      "a field type in two bytes",
      [VERSION, Buffer.of(0x82, 0, 2), utf8("id"), END, END, SIGNATURE],
    ],
    [
      "a location that is not UTF-8",
      [VERSION, field(1, Buffer.of(0xff)), IDENTIFIER, END, END, SIGNATURE],
    ],
    ["one byte after it [case 2]", [VERSION, IDENTIFIER, END, END, SIGNATURE, END]],
    ["another macaroon after it [case 2]", [packetOf(), packetOf()]],
    ["a length past the end", [VERSION, Buffer.of(2, 100), utf8("id"), END, END, SIGNATURE]],
    [
      "a length of the largest two bytes",
      [VERSION, Buffer.of(2, 0xff, 0x7f), utf8("id"), END, END, SIGNATURE],
    ],
    ["a length that is cut off", [VERSION, Buffer.of(2, 0x82)]],
    [
      "a length in two bytes that fits one",
      [VERSION, Buffer.of(2, 0x82, 0), utf8("id"), END, END, SIGNATURE],
    ],
    [
      "a length in three bytes that fits one",
      [VERSION, Buffer.of(2, 0x82, 0x80, 0), utf8("id"), END, END, SIGNATURE],
    ],
    [
      "a length of zero in two bytes",
      [VERSION, Buffer.of(1, 0x80, 0), IDENTIFIER, END, END, SIGNATURE],
    ],
    [
      "a length of three bytes",
      [VERSION, Buffer.of(2, 0x80, 0x80, 0x01), utf8("id"), END, END, SIGNATURE],
    ],
    [
      "a length of 2^31",
      [VERSION, Buffer.of(2, 0x80, 0x80, 0x80, 0x80, 0x08), utf8("id"), END, END, SIGNATURE],
    ],
    [
      "a length past 2^31 [go-macaroon]",
      [VERSION, Buffer.of(2, 0xff, 0xff, 0xff, 0xff, 0x7f), END, END, SIGNATURE],
    ],
    [
      "a length of 2^64",
      [VERSION, Buffer.of(2, ...new Array(9).fill(0xff), 1), utf8("id"), END, END, SIGNATURE],
    ],
    ["a length without end", [VERSION, Buffer.of(2, ...new Array(40).fill(0x80))]],
    ["V1 text", [utf8("0010location xyz\n")]],
    ["JSON", [utf8('{"v":2,"i":"id","s64":""}')]],
  ])("%s", (_what, parts) => {
    expect(() => decode(...parts)).toThrow(refusal("ERR_TOKEN_MALFORMED"));
  });

  test("libmacaroons' altered V1 macaroon is not V2", () => {
    expect(() => Macaroon.decode(Buffer.from(vectors.tampered.v1_b64, "base64"))).toThrow(
      refusal("ERR_TOKEN_MALFORMED"),
    );
  });
});

describe("third-party caveats [case 28]", () => {
  const thirdParty = refusal("ERR_TOKEN_THIRD_PARTY");
  const caveat = field(2, utf8("id"));

  test.each<[string, Uint8Array[]]>([
    ["with location and verification id", [field(1, utf8("elsewhere")), caveat, VERIFICATION, END]],
    ["without a location", [caveat, VERIFICATION, END]],
    ["without a verification id", [field(1, utf8("elsewhere")), caveat, END]],
    ["with an empty verification id", [caveat, field(4, new Uint8Array()), END]],
    ["with an empty location", [field(1, utf8("")), caveat, END]],
  ])("%s: refused, wherever it stands", (_what, third) => {
    const forms = [third, [...CAVEAT, ...third], [...third, ...CAVEAT]];
    for (const form of forms)
      expect(() => decode(VERSION, IDENTIFIER, END, ...form, END, SIGNATURE)).toThrow(thirdParty);
  });
});

describe("limits ±1 [case 7]", () => {
  const tooLarge = refusal("ERR_TOKEN_TOO_LARGE");
  const caveats = (count: number, length: number) =>
    Array.from({ length: count }, () => [field(2, new Uint8Array(length).fill(97)), END]).flat();
  const packet = (...fields: Uint8Array[]) =>
    Buffer.concat([[VERSION, IDENTIFIER, END], fields, [END, SIGNATURE]].flat());

  test("64 caveats are read, 65 are not", () => {
    expect(Macaroon.decode(packet(...caveats(64, 3))).caveats).toHaveLength(64);
    expect(() => Macaroon.decode(packet(...caveats(65, 3)))).toThrow(tooLarge);
  });

  test("a caveat of 1024 bytes is read, of 1025 is not", () => {
    expect(Macaroon.decode(packet(...caveats(1, 1024))).caveats[0]).toHaveLength(1024);
    expect(() => Macaroon.decode(packet(...caveats(1, 1025)))).toThrow(tooLarge);
  });

  test("6093 bytes are read, 6094 are not: as base64, with a preimage, they are 8 KiB", () => {
    const rest = 6093 - packet(...caveats(5, 1024)).length;
    const whole = packet(...caveats(5, 1024), ...caveats(1, rest - 4));
    expect(whole).toHaveLength(6093);
    expect(Macaroon.decode(whole).caveats).toHaveLength(6);
    const larger = packet(...caveats(5, 1024), ...caveats(1, rest - 3));
    expect(larger).toHaveLength(6094);
    expect(() => Macaroon.decode(larger)).toThrow(tooLarge);
  });

  test("a megabyte, and 65,536 caveats, are refused for their size before anything is read", () => {
    for (const huge of [
      new Uint8Array(1 << 20),
      new Uint8Array(1 << 20).fill(2),
      Buffer.concat(caveats(65_536, 1)),
    ])
      expect(() => Macaroon.decode(huge)).toThrow(tooLarge);
  });

  test("narrowing stops at the same limits", () => {
    const minted = Macaroon.mint({ rootKey: utf8("key"), identifier: utf8("id") });
    const many = (count: number) => Array.from({ length: count }, () => "a=b");
    expect(Macaroon.attenuate(minted, ...many(64)).caveats).toHaveLength(64);
    expect(() => Macaroon.attenuate(minted, ...many(65))).toThrow(tooLarge);
    const full = Macaroon.attenuate(minted, ...many(64));
    expect(() => Macaroon.attenuate(full, "a=b")).toThrow(tooLarge);
    expect(Macaroon.attenuate(full)).toEqual(full);
    expect(Macaroon.attenuate(minted, "a".repeat(1024)).caveats[0]).toHaveLength(1024);
    expect(() => Macaroon.attenuate(minted, "a".repeat(1025))).toThrow(tooLarge);
    // Bytes, not characters.
    expect(() => Macaroon.attenuate(minted, "é".repeat(513))).toThrow(tooLarge);
    const large = Array.from({ length: 5 }, () => "a".repeat(1024));
    expect(
      Macaroon.decode(Macaroon.encode(Macaroon.attenuate(minted, ...large))).caveats,
    ).toHaveLength(5);
    expect(() => Macaroon.attenuate(minted, ...large, "a".repeat(1024))).toThrow(tooLarge);
  });
});

test("a macaroon without an identifier is a TypeError", () => {
  expect(() => Macaroon.mint({ rootKey: utf8("key"), identifier: new Uint8Array() })).toThrow(
    TypeError,
  );
});
