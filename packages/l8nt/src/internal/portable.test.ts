/**
 * Where there is no Node (a browser, a worker), the same files stand on noble and scure: they must
 * give the same answers.
 */
import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import * as platformBytes from "./bytes.ts";
import * as platformCrypto from "./crypto.ts";

/** Evaluates both files anew while the globals that they ask for are hidden. */
async function portable() {
  vi.resetModules();
  const { Buffer: buffer } = globalThis;
  const { getBuiltinModule } = process;
  try {
    Object.assign(globalThis, { Buffer: undefined });
    process.getBuiltinModule = undefined as never;
    return { bytes: await import("./bytes.ts"), crypto: await import("./crypto.ts") };
  } finally {
    Object.assign(globalThis, { Buffer: buffer });
    process.getBuiltinModule = getBuiltinModule;
  }
}
const { bytes, crypto } = await portable();

const data = fc.uint8Array({ maxLength: 100 });
const texts = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."ABab01+/-_= \n!"), maxLength: 10 }),
  fc.string({ unit: "binary", maxLength: 8 }),
  data.map((value) => Buffer.from(value).toString("base64")),
  data.map((value) => Buffer.from(value).toString("base64url")),
  data.map((value) => Buffer.from(value).toString("hex")),
);

describe("without Node", () => {
  test("these are other functions", () => {
    expect(bytes.base64Text).not.toBe(platformBytes.base64Text);
    expect(`${crypto.equalBytes}`).not.toContain("timingSafeEqual");
    expect(`${bytes.base64Text}`).not.toContain("native");
  });

  test("base64 and hex are read and written alike [cases 3, 4]", () => {
    fc.assert(
      fc.property(texts, data, (text, value) => {
        expect(bytes.base64Bytes(text)).toEqual(platformBytes.base64Bytes(text));
        expect(bytes.hexBytes(text)).toEqual(platformBytes.hexBytes(text));
        const binary = platformBytes.base64Binary(text);
        expect(bytes.base64Binary(text)).toBe(binary);
        expect(binary === undefined ? undefined : platformBytes.bytesOf(binary)).toEqual(
          platformBytes.base64Bytes(text),
        );
        expect(bytes.binaryOf(value)).toBe(Buffer.from(value).toString("latin1"));
        expect(bytes.bytesOf(bytes.binaryOf(value))).toEqual(value);
        expect(bytes.hexOfBinary(bytes.binaryOf(value))).toBe(Buffer.from(value).toString("hex"));
        expect(bytes.base64Text(value)).toBe(Buffer.from(value).toString("base64"));
        expect(bytes.hexText(value)).toBe(Buffer.from(value).toString("hex"));
      }),
      { numRuns: 1500 },
    );
  });

  test("hashes are the same", () => {
    fc.assert(
      fc.property(data, data, (key, message) => {
        const mac = createHmac("sha256", key).update(message).digest("hex");
        expect(bytes.hexText(crypto.hmacSha256(key, message))).toBe(mac);
        expect(bytes.hexText(crypto.hmacUnder(key)(message))).toBe(mac);
        expect(
          bytes.hexOfBinary(crypto.hmacBinary(bytes.binaryOf(key), bytes.binaryOf(message))),
        ).toBe(mac);
        expect(crypto.sha256OfHex(bytes.hexText(message))).toBe(
          bytes.binaryOf(createHash("sha256").update(message).digest()),
        );
        expect(bytes.hexText(crypto.sha256(message))).toBe(
          createHash("sha256").update(message).digest("hex"),
        );
        expect(crypto.hkdfExpandUnder(key)(message)).toEqual(
          platformCrypto.hkdfExpandUnder(key)(message),
        );
      }),
    );
  });

  test("comparing says the same [case 13]", () => {
    fc.assert(
      fc.property(data, data, (a, b) => {
        expect(crypto.equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(crypto.equalBytes(a, a.slice())).toBe(true);
        expect(crypto.equalBinary(bytes.binaryOf(a), bytes.binaryOf(b))).toBe(
          Buffer.compare(a, b) === 0,
        );
      }),
    );
  });
});
