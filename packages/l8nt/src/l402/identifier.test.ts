import { describe, expect, test } from "vitest";
import { Identifier } from "./identifier.ts";

const bytes = (version: number, hash: number, length = 66) => {
  const made = new Uint8Array(length).fill(hash);
  made.set([version >> 8, version & 0xff]);
  return made;
};
const malformed = expect.objectContaining({ name: "TokenError", code: "ERR_TOKEN_MALFORMED" });

// Laid out by hand from the L402 specification: u16be version, payment hash, token id.
const published =
  "0000630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd201f1e1d1c1b1a191817161514131211100f0e0d0c0b0a090807060504030201";

describe("the identifier [case 6]", () => {
  test("the Lightning Loop example is read and written", () => {
    const read = Identifier.decode(Buffer.from(published, "hex"));
    expect(read.paymentHash).toBe(
      "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd",
    );
    expect(Buffer.from(read.tokenId).toString("hex")).toBe(published.slice(68));
    expect(
      Buffer.from(Identifier.encode(Buffer.from(read.paymentHash, "hex"), read.tokenId)).toString(
        "hex",
      ),
    ).toBe(published);
  });

  test.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array()],
    ["aperture's dummy", Buffer.from("AA==")],
    ["one byte less", bytes(0, 1, 65)],
    ["one byte more", bytes(0, 1, 67)],
    ["a hash and no id", bytes(0, 1, 34)],
    ["twice as long", bytes(0, 1, 132)],
    ["version 1", bytes(1, 1)],
    ["version 256, which is version 1 read backwards", bytes(256, 1)],
    ["version 65535", bytes(65_535, 1)],
    ["a hash of zeros", bytes(0, 0)],
    ["hex", Buffer.from(published.slice(0, 66))],
  ])("%s is malformed", (_what, input) => {
    expect(() => Identifier.decode(input)).toThrow(malformed);
  });

  test("a hash that is almost zeros is a hash", () => {
    const almost = bytes(0, 0);
    almost[33] = 1;
    expect(Identifier.decode(almost).paymentHash).toBe(`${"0".repeat(63)}1`);
  });

  test("the bytes handed in may change afterwards", () => {
    const buffer = Buffer.from(published, "hex");
    const read = Identifier.decode(buffer);
    buffer.fill(0);
    expect(read.tokenId[0]).toBe(0x20);
  });

  test("parts of another length are a TypeError", () => {
    expect(() => Identifier.encode(new Uint8Array(31), new Uint8Array(32))).toThrow(TypeError);
    expect(() => Identifier.encode(new Uint8Array(32), new Uint8Array(33))).toThrow(TypeError);
  });
});
