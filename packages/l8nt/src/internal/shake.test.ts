/** SHAKE256 by the platform and by `@noble/hashes`. */
import { shake256 as noble } from "@noble/hashes/sha3.js";
import { expect, test } from "vitest";
import { hexText, utf8 } from "./bytes.ts";
import { shake256 } from "./noble-shake.ts";

test("SHAKE256 is what NIST's examples and another implementation have", () => {
  // FIPS 202, the empty message; and 2,048 bytes, as counters are summed up with.
  expect(hexText(shake256(new Uint8Array(), 32))).toBe(
    "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f",
  );
  const text = utf8('["a","1",null]');
  expect(hexText(shake256(text, 2048))).toBe(hexText(noble(text, { dkLen: 2048 })));
});
