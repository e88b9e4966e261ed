/** AES-256-GCM, against a published vector, on both platforms. */
import { describe, expect, test, vi } from "vitest";
import * as native from "./aead.ts";
import { concat, hexBytes, utf8 } from "./bytes.ts";

async function portable(): Promise<typeof native> {
  vi.resetModules();
  const { getBuiltinModule } = process;
  try {
    process.getBuiltinModule = undefined as never;
    return await import("./aead.ts");
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
}

const hex = (text: string) => hexBytes(text)!;

// Test case 16 of McGrew and Viega, "The Galois/Counter Mode of Operation".
const KEY = hex("feffe9928665731c6d6a8f9467308308".repeat(2));
const NONCE = hex("cafebabefacedbaddecaf888");
const PLAIN = hex(
  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
);
const CONTEXT = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
const SEALED = hex(
  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" +
    "76fc6ece0f4e1768cddf8853bb2d551b",
);

describe.each([
  ["node:crypto", async () => native],
  ["WebCrypto", portable],
])("with %s", (name, load) => {
  test("opens the published vector, and nothing of which a bit was changed", async () => {
    const aead = (await load()).aes256Gcm(KEY);
    const sealed = concat(NONCE, SEALED);
    expect(await aead.open(sealed, CONTEXT)).toEqual(PLAIN);
    for (const at of sealed.keys()) {
      const changed = sealed.slice();
      changed[at]! ^= 1;
      expect(await aead.open(changed, CONTEXT), `byte ${at}`).toBeUndefined();
    }
    expect(await aead.open(sealed, CONTEXT.slice(1))).toBeUndefined();
    for (const length of [0, 12, 27, sealed.length - 1])
      expect(await aead.open(sealed.slice(0, length), CONTEXT)).toBeUndefined();
  });

  test("what it seals, the other platform opens, and no two are alike", async () => {
    const aead = (await load()).aes256Gcm(KEY);
    const other = (name === "WebCrypto" ? native : await portable()).aes256Gcm(KEY);
    for (const plain of [new Uint8Array(), utf8("sunny"), PLAIN]) {
      const [one, two] = [await aead.seal(plain, CONTEXT), await aead.seal(plain, CONTEXT)];
      expect(one).not.toEqual(two);
      expect(await other.open(one, CONTEXT)).toEqual(new Uint8Array(plain));
    }
  });

  test("answers at once where the platform can", async () => {
    const { aes256Gcm } = await load();
    expect(aes256Gcm(KEY).seal(PLAIN, CONTEXT) instanceof Promise).toBe(name === "WebCrypto");
  });
});
