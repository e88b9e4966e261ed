/** What a rune permits, for the runes of lightning-createrune(7). */
import { expect, test } from "vitest";
import { excessOf } from "./cln-rune.ts";

test.each([
  [
    "without restrictions",
    "7cKJyALVY0_LLVV-AB9oetXjipOdyt0EhOuYrSS42fM9MA==",
    ["everything: the rune has no restrictions"],
  ],
  [
    "readonly",
    "0VIVf0M4jMlGNIwNM3sTpBextINe4_VBGZnBMM82kR49MCZtZXRob2RebGlzdHxtZXRob2ReZ2V0fG1ldGhvZD1zdW1tYXJ5Jm1ldGhvZC9saXN0ZGF0YXN0b3Jl",
    ["method^list", "method^get", "method=summary"],
  ],
  [
    "for one peer and one method",
    "UcVH186Z5ldtHgscIaNAZ_fdUstCR6OCwiVV7CPx_q09MSZpZF4wMzgxOTRiNWYzMmJkZjBhYTU5OCZtZXRob2Q9bGlzdHBlZXJz",
    ["method=listpeers"],
  ],
  [
    "for pay, below an amount",
    "a0noy2CAu8-s2xSgJuBW09hqB_YsqLkwIDy5qkftGMk9MiZtZXRob2Q9cGF5JnBuYW1lYW1vdW50bXNhdDwxMDAwMA==",
    [],
  ],
  ["that is malformed", "not a rune", []],
])("%s", (_, rune, expected) => {
  expect(excessOf(rune)).toEqual(expected);
});
