/** libsecp256k1 against `@noble/curves`, over signatures of every kind: both say the same payee. */
import { createHash } from "node:crypto";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { Invoice } from "l8nt/invoice";
import { describe, expect, test } from "vitest";
import { curve } from "./curve.ts";

const { ORDER } = secp256k1.Point.Fn;
const FIELD = secp256k1.Point.Fp.ORDER;
const RECOVERY_IDS = [0, 1, 2, 3] as const;
type Answer = string | undefined;

/** Deterministic bytes, so that a failure can be seen again. */
const bytesOf = (name: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(createHash("sha256").update(name).digest());
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, "0"), "hex");
const integer = (part: Uint8Array): bigint => BigInt(`0x${hex(part)}`);
const compact = (r: bigint, s: bigint): Uint8Array =>
  Uint8Array.from(Buffer.concat([bytes(r), bytes(s)]));
const highS = (signature: Uint8Array): Uint8Array =>
  compact(integer(signature.subarray(0, 32)), ORDER - integer(signature.subarray(32)));

function answer(work: () => Uint8Array | null): Answer {
  try {
    const key = work();
    return key === null ? undefined : hex(key);
  } catch {
    return undefined;
  }
}

const noble = (hash: Uint8Array, signature: Uint8Array, id: number): Answer =>
  answer(() =>
    secp256k1.recoverPublicKey(Uint8Array.of(id, ...signature), hash, { prehash: false }),
  );
const wasm = (hash: Uint8Array, signature: Uint8Array, id: 0 | 1 | 2 | 3): Answer =>
  answer(() => curve.recover(hash, signature, id));

function same(hash: Uint8Array, signature: Uint8Array): readonly Answer[] {
  return RECOVERY_IDS.map((id) => {
    const expected = noble(hash, signature, id);
    expect(wasm(hash, signature, id), `${hex(hash)} ${hex(signature)} ${id}`).toBe(expected);
    return expected;
  });
}

describe("recovery by libsecp256k1", () => {
  test("gives the signer's key, as noble does, for low and high s and every recovery id", () => {
    for (let nth = 0; nth < 100; nth++) {
      const privateKey = bytesOf(`key ${nth}`);
      const hash = bytesOf(`hash ${nth}`);
      const signed = secp256k1.sign(hash, privateKey, { prehash: false, format: "recovered" });
      const signature = signed.subarray(1);
      const publicKey = hex(secp256k1.getPublicKey(privateKey));
      expect(same(hash, signature)[signed[0]!]).toBe(publicKey);
      expect(same(hash, highS(signature))[signed[0]! ^ 1]).toBe(publicKey);
      expect(wasm(hash, signature, ((signed[0]! ^ 1) & 3) as 0 | 1)).not.toBe(publicKey);
    }
  });

  test("gives the same keys for random bytes that nobody signed", () => {
    let recovered = 0;
    for (let nth = 0; nth < 100; nth++)
      recovered += same(
        bytesOf(`hash ${nth}`),
        Uint8Array.of(...bytesOf(`r ${nth}`), ...bytesOf(`s ${nth}`)),
      ).filter((key) => key !== undefined).length;
    expect(recovered).toBeGreaterThan(50);
  });

  // libsecp256k1 takes r + order as the point's x there, and tiny-secp256k1 asks besides that r is
  // one. Among honest signatures 1 in 2^127 has such an id.
  test("gives the same key or none for the recovery ids 2 and 3, where r is above the order", () => {
    const answers: Answer[] = [];
    const hash = bytesOf("h");
    // From FIELD - ORDER on, r + order is no number of the field.
    const edges = [FIELD - ORDER - 1n, FIELD - ORDER, FIELD - ORDER + 1n];
    for (const r of [...Array.from({ length: 40 }, (_, at) => BigInt(at + 1)), ...edges])
      for (const id of [2, 3] as const) {
        const answer = wasm(hash, compact(r, 5n), id);
        if (answer !== undefined) expect(answer).toBe(noble(hash, compact(r, 5n), id));
        answers.push(answer);
      }
    expect(new Set(answers).size).toBeGreaterThan(10);
    expect(answers.slice(-4)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test("gives no key where r or s is out of range", () => {
    for (const out of [0n, ORDER, ORDER + 1n, 2n ** 256n - 1n])
      for (const signature of [compact(out, 5n), compact(5n, out), compact(out, out)])
        expect(same(bytesOf("h"), signature)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test("gives the same keys for a hash of zeros, of ones, and of the order", () => {
    for (const hash of [bytes(0n), bytes(2n ** 256n - 1n), bytes(ORDER), bytes(ORDER - 1n)])
      for (let nth = 0; nth < 10; nth++)
        same(Uint8Array.from(hash), Uint8Array.of(...bytesOf(`r ${nth}`), ...bytesOf(`s ${nth}`)));
  });
});

describe("verification by libsecp256k1", () => {
  test("takes the signature of the named key, with a low s only, as noble does", () => {
    for (let nth = 0; nth < 50; nth++) {
      const privateKey = bytesOf(`key ${nth}`);
      const publicKey = secp256k1.getPublicKey(privateKey);
      const hash = bytesOf(`hash ${nth}`);
      const signature = secp256k1.sign(hash, privateKey, { prehash: false });
      expect(curve.verify(hash, publicKey, signature)).toBe(true);
      expect(curve.verify(hash, publicKey, highS(signature))).toBe(false);
      expect(curve.verify(bytesOf("another"), publicKey, signature)).toBe(false);
      const other = secp256k1.getPublicKey(bytesOf(`key ${nth + 1}`));
      expect(curve.verify(hash, other, signature)).toBe(false);
    }
  });
});

describe("an invoice", () => {
  const privateKey = bytesOf("node");
  const fields = {
    network: "bcrt",
    amountMsat: 10_000n,
    timestamp: 1_700_000_000,
    paymentHash: hex(bytesOf("payment")),
    paymentSecret: hex(bytesOf("secret")),
    description: "tea",
  } as const;

  test.each([true, false])("that names its payee (%s) reads the same with both", (namesPayee) => {
    const text = Invoice.encode({ ...fields, namesPayee }, privateKey);
    expect(Invoice.decode(text, curve)).toEqual(Invoice.decode(text));
    expect(Invoice.decode(text, curve).payee).toBe(hex(secp256k1.getPublicKey(privateKey)));
  });

  test("whose signature gives no key is refused with the same error", () => {
    const curveless = { recover: () => null, verify: () => false };
    const text = Invoice.encode({ ...fields, namesPayee: false }, privateKey);
    expect(() => Invoice.decode(text, curveless)).toThrow(
      expect.objectContaining({ code: "ERR_INVOICE_MALFORMED" }),
    );
  });
});
