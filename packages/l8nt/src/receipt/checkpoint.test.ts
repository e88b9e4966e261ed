/** The signature of a checkpoint, by the specification and node:crypto. spec/5-ledger.md §6. */
import { createHash, createHmac, createPublicKey, hkdfSync, verify } from "node:crypto";
import canonicalize from "canonicalize";
import { expect, test } from "vitest";
import { msat } from "../amount.ts";
import type { Checkpoint, UnsignedCheckpoint } from "../ports/folding.ts";
import { dollars } from "../testing/store-laws.ts";
import {
  checkpointText,
  checkpointVerifier,
  keyedSeal,
  readCheckpoint,
  signedSeal,
} from "./checkpoint.ts";
import { otherSigner, PUBLIC_KEY, signer } from "./fixtures/books.ts";

const UNSIGNED: UnsignedCheckpoint = {
  books: "0123456789abcdef0123456789abcdef",
  through: 1204,
  at: 1_893_456_000,
  entries: 1204,
  digest: "ab".repeat(32),
  spent: [msat(10_017n), dollars(9_007_199_254_740_993n)],
  uses: 12n,
  forgottenUntil: 1_893_459_600,
  counters: "cd".repeat(32),
};
const NONE: Checkpoint = { ...UNSIGNED, seq: 0, previous: "0".repeat(64) };

/** By hand from the specification. */
const textOf = (more: object): string =>
  canonicalize({
    ...UNSIGNED,
    ...{ type: "checkpoint", version: 1, seq: 1, previous: "0".repeat(64), uses: "12" },
    spent: [
      { unit: "msat", value: "10017" },
      { unit: "usd_micro", value: "9007199254740993" },
    ],
    ...more,
  })!;

test("a treasury's checkpoint is signed with Ed25519 over its canonical text", async () => {
  const seal = await signedSeal(signer);
  const checkpoint = seal.follow(NONE, UNSIGNED);
  const { keyId, signature = "" } = checkpoint;
  expect(keyId).toBe(signer.keyId);
  const key = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(PUBLIC_KEY, "hex").toString("base64url") },
    format: "jwk",
  });
  const text = Buffer.from(textOf({ keyId }));
  expect(verify(null, text, key, Buffer.from(signature, "hex"))).toBe(true);
  expect(checkpointText(checkpoint)).toBe(textOf({ keyId, signature }));
  const next = seal.follow(checkpoint, UNSIGNED);
  const line = textOf({ keyId, signature });
  expect([next.seq, next.previous]).toEqual([2, createHash("sha256").update(line).digest("hex")]);
});

test("a paywall's checkpoint is authenticated with HMAC-SHA256 by a key of its own", () => {
  const key = new Uint8Array(32).fill(5);
  const derived = (info: string) => Buffer.from(hkdfSync("sha256", key, "", info, 32));
  const checkpoint = keyedSeal([key]).follow(NONE, UNSIGNED);
  const keyId = derived("id").toString("hex").slice(0, 16);
  expect(checkpoint.keyId).toBe(keyId);
  const mac = createHmac("sha256", derived("mac")).update(textOf({ keyId }));
  expect(checkpoint.signature).toBe(mac.digest("hex"));
});

const KEYS = {
  "a treasury's": {
    seal: await signedSeal(signer),
    other: await signedSeal(otherSigner),
    later: await signedSeal(otherSigner, [PUBLIC_KEY]),
  },
  "a paywall's": {
    seal: keyedSeal([new Uint8Array(32).fill(1)]),
    other: keyedSeal([new Uint8Array(32).fill(2)]),
    later: keyedSeal([new Uint8Array(32).fill(2), new Uint8Array(32).fill(1)]),
  },
};

const ALTERED: readonly (readonly [string, Partial<Record<keyof Checkpoint, unknown>>, RegExp])[] =
  [
    ["books", { books: "f".repeat(32) }, /altered/],
    ["seq", { seq: 2 }, /altered/],
    ["previous", { previous: "1".repeat(64) }, /altered/],
    ["through", { through: 1203 }, /altered/],
    ["at", { at: 1_893_456_001 }, /altered/],
    ["entries", { entries: 1203 }, /altered/],
    ["digest", { digest: "ac".repeat(32) }, /altered/],
    ["an amount", { spent: [msat(10_016n), UNSIGNED.spent[1]] }, /altered/],
    ["a unit", { spent: [dollars(10_017n), UNSIGNED.spent[1]] }, /altered/],
    ["an amount less", { spent: [msat(10_017n)] }, /altered/],
    ["uses", { uses: 11n }, /altered/],
    ["forgottenUntil", { forgottenUntil: 0 }, /altered/],
    ["counters", { counters: "ce".repeat(32) }, /altered/],
    ["a member more", { more: 1 } as object, /altered/],
    ["no signature", { signature: undefined }, /it has no signature/],
    ["no key", { keyId: undefined }, /it has no signature/],
    ["another key's id", { keyId: "0".repeat(16) }, /key 0{16} signed it, and the key here is/],
    ["a short signature", { signature: "ab" }, /altered/],
    ["a signature that is no hex", { signature: "x".repeat(128) }, /altered/],
    ["an empty signature", { signature: "" }, /altered/],
    ["a fraction", { at: 0.5 }, /altered|canonical/],
  ];

test.each(Object.entries(KEYS))(
  "%s seal knows its own checkpoints, and no altered one",
  (_name, keys) => {
    const { seal, other, later } = keys;
    const checkpoint = seal.follow(NONE, UNSIGNED);
    expect(() => seal.demand(checkpoint)).not.toThrow();
    expect(() => later.demand(checkpoint)).not.toThrow();
    expect([seal.isOwn(checkpoint), later.isOwn(checkpoint)]).toEqual([true, false]);
    const refused = (code: RegExp) =>
      expect.objectContaining({ code: "ERR_CHECKPOINT", message: expect.stringMatching(code) });
    expect(() => other.demand(checkpoint)).toThrow(refused(/signed it/));
    for (const [what, change, message] of ALTERED)
      expect(() => seal.demand({ ...checkpoint, ...change } as Checkpoint), what).toThrow(
        refused(message),
      );
  },
);

test("a public key alone verifies a treasury's checkpoint, also one of the key before it", async () => {
  const checkpoint = (await signedSeal(signer)).follow(NONE, UNSIGNED);
  (await checkpointVerifier([PUBLIC_KEY])).demand(checkpoint);
  (await checkpointVerifier([otherSigner.publicKey, PUBLIC_KEY])).demand(checkpoint);
  const other = await checkpointVerifier([otherSigner.publicKey]);
  expect(() => other.demand(checkpoint)).toThrow(/key \w{16} signed it/);
  const mac = KEYS["a paywall's"].seal.follow(NONE, UNSIGNED);
  const own = await checkpointVerifier([PUBLIC_KEY]);
  expect(() => own.demand({ ...mac, keyId: signer.keyId })).toThrow(/altered/);
  await expect(checkpointVerifier(["00".repeat(32)])).rejects.toThrow(TypeError);
});

test("a checkpoint is read from its text, also with other white space", async () => {
  const checkpoint = (await signedSeal(signer)).follow(NONE, UNSIGNED);
  const text = checkpointText(checkpoint);
  expect(readCheckpoint(text)).toEqual(checkpoint);
  expect(readCheckpoint(JSON.stringify(JSON.parse(text), null, 2))).toEqual(checkpoint);
});

test.each([
  ["no JSON", () => "{"],
  ["no object", () => "null"],
  ["a receipt", (text: string) => text.replace('"checkpoint"', '"receipt"')],
  ["a later version", (text: string) => text.replace('"version":1', '"version":2')],
  ["a fraction", (text: string) => text.replace('"seq":1', '"seq":1.5')],
  ["a sum that is a number", (text: string) => text.replace('"10017"', "10017")],
  ["an unknown unit", (text: string) => text.replace('"msat"', '"sat"')],
  ["a key id that is too short", (text: string) => text.replace(signer.keyId, "ab")],
  ["no signature", (text: string) => text.replace('"signature"', '"sig"')],
])("%s is not read as a checkpoint", async (_what, change) => {
  const text = checkpointText((await signedSeal(signer)).follow(NONE, UNSIGNED));
  expect(change(text)).not.toBe(text);
  expect(() => readCheckpoint(change(text))).toThrow(
    expect.objectContaining({ code: "ERR_CHECKPOINT" }),
  );
});
