/** The samples of the Biscuit specification: its verdict on the signatures, and the profile's. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { claimsOf, hasItsKey } from "../biscuit/signatures.ts";
import { decodeToken, encodeToken } from "../biscuit/token.ts";
import { TokenError } from "../errors.ts";
import { base64Bytes, hexBytes, hexText } from "../internal/bytes.ts";
import { verify } from "../internal/ed25519.ts";
import { readBlocks } from "./profile.ts";

const FILE = join(import.meta.dirname, "../../../../spec/vectors/biscuit-samples.json");

interface Sample {
  readonly file: string;
  readonly title: string;
  readonly token: string;
  readonly signatures: "right" | "wrong";
}

const { rootPublicKey, samples } = JSON.parse(readFileSync(FILE, "utf8")) as {
  readonly rootPublicKey: string;
  readonly samples: readonly Sample[];
};
const root = hexBytes(rootPublicKey)!;

/** What the profile refuses before it looks at a signature. */
const REFUSED: Readonly<Record<string, string>> = {
  "test003_invalid_signature_format.bc": "ERR_TOKEN_MALFORMED",
  "test024_third_party.bc": "ERR_TOKEN_THIRD_PARTY",
  "test026_public_keys_interning.bc": "ERR_TOKEN_THIRD_PARTY",
  "test036_secp256r1.bc": "ERR_TOKEN_ALGORITHM",
  "test037_secp256r1_third_party.bc": "ERR_TOKEN_ALGORITHM",
};

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof TokenError) return error.code;
    throw error;
  }
}

describe.each(samples.filter(({ file }) => file in REFUSED))("$file: $title", ({ file, token }) => {
  test(`is refused with ${REFUSED[file]}`, () => {
    expect(codeOf(() => decodeToken(base64Bytes(token)!))).toBe(REFUSED[file]);
  });
});

describe.each(samples.filter(({ file }) => !(file in REFUSED)))(
  "$file: $title",
  ({ token, signatures }) => {
    const bytes = base64Bytes(token)!;

    test(`its signatures are ${signatures}`, () => {
      const read = decodeToken(bytes);
      const isRight =
        hasItsKey(read) &&
        claimsOf(read, root).every((one) => verify(one.key, one.message, one.signature));
      expect(isRight).toBe(signatures === "right");
    });

    test("is written as it was read", () => {
      expect(hexText(encodeToken(decodeToken(bytes)))).toBe(hexText(bytes));
    });

    test("says what the profile does not allow", () => {
      const blocks = decodeToken(bytes).blocks.map(({ data }) => data);
      expect(codeOf(() => readBlocks(blocks))).toMatch(/^ERR_TOKEN_(DATALOG|MALFORMED)$/);
    });
  },
);
