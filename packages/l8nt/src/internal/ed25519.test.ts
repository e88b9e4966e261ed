/** RFC 8032 §7.1 and §5.1.7. */
import { createHash } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { hexBytes, hexText, ownBytes } from "./bytes.ts";
import { signerOf, verify, verifyWith } from "./ed25519.ts";

/** Tests 1 to 3. */
const VECTORS = [
  [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
  [
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  ],
].map((row) => row.map((hex) => hexBytes(hex)!)) as Uint8Array[][];

describe.each(VECTORS)("a key of RFC 8032", (secret, key, message, signature) => {
  it("signs as the RFC does", () => {
    const signer = signerOf(secret);
    expect(hexText(signer.publicKey)).toBe(hexText(key!));
    expect(hexText(signer.sign(message!))).toBe(hexText(signature!));
  });

  it("verifies its signature each time that it is asked, and no other", () => {
    const right = verifyWith(key!);
    expect([right(message!, signature!), right(message!, signature!)]).toEqual([true, true]);
    expect(verify(key!, message!, signature!)).toBe(true);
    for (let at = 0; at < signature!.length; at++) {
      const wrong = ownBytes(signature!);
      wrong[at]! ^= 1;
      expect(right(message!, wrong), `byte ${at}`).toBe(false);
    }
    expect(right(Uint8Array.of(...message!, 0), signature!)).toBe(false);
    for (const other of VECTORS.filter((row) => row[1] !== key))
      expect(verify(other[1]!, message!, signature!)).toBe(false);
  });

  it("verifies what it was when it was read, whatever is written into its array", () => {
    const array = ownBytes(key!);
    const right = verifyWith(array);
    array.fill(0);
    expect(right(message!, signature!)).toBe(true);
  });

  it("verifies nothing where the key or the signature has another length", () => {
    const longer = (bytes: Uint8Array) => Uint8Array.of(...bytes, 0);
    for (const wrong of [key!.slice(1), longer(key!), new Uint8Array(0)])
      expect(verify(wrong, message!, signature!)).toBe(false);
    for (const wrong of [signature!.slice(1), longer(signature!), new Uint8Array(0)])
      expect(verify(key!, message!, wrong)).toBe(false);
  });
});

describe("every platform agrees", () => {
  const { Point } = ed25519;
  const L = Point.Fn.ORDER;
  const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${hexText(ownBytes(bytes).reverse())}`);
  const bytesOf = (number: bigint): Uint8Array =>
    hexBytes(number.toString(16).padStart(64, "0"))!.reverse();
  const TORSION = Point.fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
  const [a, r] = [0x1234567n, 0x89abcdefn];

  /** What a signer may make of its own key and nonce. */
  function signed({
    key = Point.BASE.multiply(a),
    nonce = Point.BASE.multiply(r),
    more = 0n,
    k8 = false,
  }) {
    for (let count = 0; ; count++) {
      const message = new TextEncoder().encode(`message ${count}`);
      const hash = createHash("sha512").update(nonce.toBytes()).update(key.toBytes());
      const k = numberOf(hash.update(message).digest()) % L;
      // With a factor of 8 the part of small order is gone.
      if (k8 !== (k % 8n === 0n)) continue;
      const signature = Uint8Array.of(...nonce.toBytes(), ...bytesOf(((r + k * a) % L) + more));
      return [key.toBytes(), message, signature] as const;
    }
  }
  const identity = Uint8Array.of(1, ...new Uint8Array(31));
  const smallOrder = [
    ...["00".repeat(32), `01${"00".repeat(31)}`, `ec${"ff".repeat(30)}7f`],
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ...[`ed${"ff".repeat(30)}7f`, `ee${"ff".repeat(30)}7f`],
  ].flatMap((hex) => [
    hexBytes(hex)!,
    hexBytes(hex)!.map((byte, at) => byte | (at === 31 ? 128 : 0)),
  ]);

  const platforms: Record<string, (...given: readonly Uint8Array[]) => unknown> = {};
  beforeAll(async () => {
    platforms["node:crypto"] = (key, message, signature) => verify(key!, message!, signature!);
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    vi.resetModules();
    const other = await import("./ed25519.ts");
    platforms.noble = (key, message, signature) => other.verify(key!, message!, signature!);
    platforms.WebCrypto = (key, message, signature) =>
      other.verifyLater!(key!, message!, signature!);
    vi.restoreAllMocks();
  });

  it.each<[string, boolean, readonly Uint8Array[]]>([
    ["an ordinary signature", true, signed({})],
    [
      "a nonce with a part of small order",
      false,
      signed({ nonce: Point.BASE.multiply(r).add(TORSION) }),
    ],
    ["a key with one", false, signed({ key: Point.BASE.multiply(a).add(TORSION) })],
    [
      "a key with one that does not count",
      true,
      signed({ key: Point.BASE.multiply(a).add(TORSION), k8: true }),
    ],
    ["a number that is not reduced", false, signed({ more: L })],
    ["a wrong nonce", false, signed({ nonce: Point.BASE.multiply(r + 1n) })],
  ])("about %s: %s", async (_name, isRight, given) => {
    for (const [name, verifies] of Object.entries(platforms))
      expect(await verifies(...given), name).toBe(isRight);
  });

  it("about keys of small order, and keys that are not reduced: they verify nothing", async () => {
    for (const key of smallOrder)
      for (let count = 0; count < 16; count++) {
        const signature = Uint8Array.of(...identity, ...new Uint8Array(32));
        for (const [name, verifies] of Object.entries(platforms))
          expect(
            await verifies(key, Uint8Array.of(count), signature),
            `${name} ${hexText(key)}`,
          ).toBe(false);
      }
  });
});
