/**
 * The key of receipts: RFC 8032's vectors, and Node's OpenSSL as the second implementation, in both
 * directions.
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { otherSigner, PUBLIC_KEY, SEED, signer } from "./fixtures/books.ts";
import { ReceiptKey, ReceiptSigner } from "./key.ts";

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const messages = fc.uint8Array({ maxLength: 300 });
// The bytes before the 32 bytes of a key in DER (RFC 8410).
const privateKey = (seed: Uint8Array) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]),
    format: "der",
    type: "pkcs8",
  });
const rawPublic = (seed: Uint8Array) =>
  createPublicKey(privateKey(seed))
    .export({ format: "der", type: "spki" })
    .subarray(-32)
    .toString("hex");

test("RFC 8032 §7.1 TEST 1", async () => {
  const signature =
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
  expect(signer.publicKey).toBe(PUBLIC_KEY);
  expect(signer.sign(new Uint8Array())).toBe(signature);
  expect((await ReceiptKey.of(PUBLIC_KEY)).verifies(new Uint8Array(), signature)).toBe(true);
});

test("Node verifies what we sign, and we verify what Node signs", async () => {
  await fc.assert(
    fc.asyncProperty(seeds, messages, fc.nat(511), async (seed, message, bit) => {
      const ours = await ReceiptSigner.fromSeed(seed);
      const key = privateKey(seed);
      const signature = sign(null, message, key);
      expect(ours.publicKey).toBe(rawPublic(seed));
      expect(
        verify(null, message, createPublicKey(key), Buffer.from(ours.sign(message), "hex")),
      ).toBe(true);
      const verifier = await ReceiptKey.of(rawPublic(seed));
      expect(verifier.verifies(message, signature.toString("hex"))).toBe(true);
      signature[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifier.verifies(message, signature.toString("hex"))).toBe(false);
    }),
    { numRuns: 50 },
  );
});

test("a key id is the first 16 hex digits of the public key's SHA-256, for signer and verifier", async () => {
  const digest = createHash("sha256").update(Buffer.from(PUBLIC_KEY, "hex")).digest("hex");
  expect(signer.keyId).toBe(digest.slice(0, 16));
  expect((await ReceiptKey.of(PUBLIC_KEY.toUpperCase())).keyId).toBe(signer.keyId);
  expect(otherSigner.keyId).not.toBe(signer.keyId);
});

test.each([
  ["nothing", ""],
  ["63 digits", PUBLIC_KEY.slice(1)],
  ["no hex", PUBLIC_KEY.replace("d", "g")],
  ["a point that is not on the curve", `02${"00".repeat(31)}`],
  [
    "a point of small order, under which a signature of anything may verify",
    `01${"00".repeat(31)}`,
  ],
  ["a second encoding of a point", `ee${"ff".repeat(30)}7f`],
])("%s is not a public key", async (_what, text) => {
  await expect(ReceiptKey.of(text)).rejects.toThrow(TypeError);
});

test.each([[new Uint8Array(31)], [new Uint8Array(64)], [SEED as never]])(
  "a seed of another form than 32 bytes is refused",
  async (seed) => {
    await expect(ReceiptSigner.fromSeed(seed)).rejects.toThrow(TypeError);
  },
);

test("printing a signer does not show its seed", () => {
  expect(`${JSON.stringify(signer)} ${Object.values(signer)}`).not.toContain(SEED);
});
