/** Bytes that no minter of ours writes: each is refused, with the code of spec/9-public-key.md. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeBlock, Symbols } from "../biscuit/block.ts";
import { appendBlock } from "../biscuit/signatures.ts";
import { encodeToken, type SignedBlock, type Token } from "../biscuit/token.ts";
import { checkOf } from "../caveat/conditions/checks.ts";
import { type Check, check, fact, query, text, truth, variable } from "../caveat/datalog.ts";
import { RevocationList } from "../credential/index.ts";
import { TokenError } from "../errors.ts";
import { base64Text, concat } from "../internal/bytes.ts";
import type { Credential } from "../l402/credential.ts";
import type { BiscuitBody } from "./body.ts";
import { BiscuitVerifier, Minter, seal } from "./index.ts";
import { readBlocks } from "./profile.ts";

const minter = new Minter({
  privateKey: "11".repeat(32),
  issuer: "https://treasury.example",
  clock: () => 1_800_000_000,
});
const root = minter.mint({ endpoints: ["GET https://api.example/**"], expiresIn: "1h" });
const child = root.delegate({ agent: "booker", maxUses: 3 });

const bodyOf = (credential: Credential) => credential.body as BiscuitBody;
const preimageOf = (credential: Credential) => credential.toString().split(":")[1]!;
const bytesOf = (credential: Credential) => encodeToken(bodyOf(credential).token);

/** Keeps nothing, so that each is judged by itself. */
function codeOf(token: Uint8Array, preimage = preimageOf(root)): string {
  const verifier = new BiscuitVerifier({
    keys: {
      find(_issuer, keyId) {
        if (keyId !== 0) throw new TokenError("ERR_TOKEN_KEY", "No such key.");
        return minter.publicKey;
      },
    },
    revocations: new RevocationList(),
  });
  try {
    verifier.authenticate(`${base64Text(token)}:${preimage}`);
    return "genuine";
  } catch (error) {
    if (error instanceof TokenError) return error.code;
    throw error;
  }
}

const SEAL_BYTES = 68;

test.each([
  ["an open token", root, 0],
  ["the end of a narrowed one", child, 300],
  ["a seal", seal(root), SEAL_BYTES],
])("every bit of %s counts", (_name, credential, last) => {
  const token = bytesOf(credential);
  expect(codeOf(token)).toBe("genuine");
  const genuine: number[] = [];
  for (let bit = last === 0 ? 0 : 8 * (token.length - last); bit < 8 * token.length; bit++) {
    const flipped = token.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    if (codeOf(flipped) === "genuine") genuine.push(bit);
  }
  expect(genuine).toEqual([]);
});

test("every bit of the preimage counts", () => {
  const preimage = Buffer.from(preimageOf(root), "hex");
  for (let bit = 0; bit < 256; bit++) {
    const flipped = Buffer.from(preimage);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    expect(codeOf(bytesOf(root), flipped.toString("hex"))).toBe("ERR_TOKEN_PREIMAGE");
  }
});

test("every beginning of a token is malformed", () => {
  const token = bytesOf(child);
  for (let length = 0; length < token.length; length++)
    expect(codeOf(token.subarray(0, length))).toBe("ERR_TOKEN_MALFORMED");
});

test("any choice of blocks in any order is refused, but the chain itself", () => {
  const sibling = bodyOf(root.delegate({ agent: "other" })).token;
  const long = bodyOf(
    child.attenuate({ maxUses: 2 }).attenuate({ maxUses: 1 }).attenuate({ maxDepth: 0 }),
  ).token;
  const pool: readonly SignedBlock[] = [...long.blocks, ...sibling.blocks.slice(1)];
  const orders = fc.array(fc.nat(pool.length - 1), { minLength: 1, maxLength: 7 });
  const sequences = fc.oneof(
    orders,
    // Near the genuine one, which chance would hardly find.
    orders.chain((order) =>
      fc.constantFrom([0, 1, 2, 3, 4, ...order], [0, 1, 2, 3, 4].concat(order).slice(0, 5)),
    ),
    fc.shuffledSubarray([0, 1, 2, 3, 4]),
    fc.constant([0, 1, 2, 3, 4]),
  );
  fc.assert(
    fc.property(sequences, (order) => {
      const blocks = order.map((at) => pool[at]!) as unknown as Token["blocks"];
      const isChain = order.join() === "0,1,2,3,4";
      expect(codeOf(encodeToken({ ...long, blocks })) === "genuine").toBe(isChain);
    }),
    { numRuns: 500, seed: 402 },
  );
});

test("any bytes are refused with an error of tokens", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom([], [0x12], [0x08, 0, 0x12], [0x0a]),
      (rest, first) => {
        expect(codeOf(concat(Uint8Array.from(first), rest))).toMatch(/^ERR_TOKEN_/);
        const block = { ...bodyOf(child).token.blocks[0], data: rest };
        expect(codeOf(encodeToken({ ...bodyOf(child).token, blocks: [block] }))).toMatch(
          /^ERR_TOKEN_/,
        );
      },
    ),
    { numRuns: 1000, seed: 402 },
  );
});

// ── Messages, byte by byte

const tag = (number: number, type: number) => Uint8Array.of((number << 3) | type);
const varint = (value: number): Uint8Array =>
  value < 0x80
    ? Uint8Array.of(value)
    : concat(Uint8Array.of((value & 0x7f) | 0x80), varint(Math.floor(value / 0x80)));
const integer = (number: number, value: number) => concat(tag(number, 0), varint(value));
const bytes = (number: number, value: Uint8Array) =>
  concat(tag(number, 2), varint(value.length), value);
/** The same number, with a byte too many. */
const long = (value: number) => concat(Uint8Array.of(value | 0x80), Uint8Array.of(0));

const { data, nextKey, signature } = bodyOf(root).token.blocks[0];
const { proof } = bodyOf(root).token;
const nextSecret = proof.kind === "open" ? proof.nextSecret : signature;

const KEY = concat(integer(1, 0), bytes(2, nextKey));
const signed = (...parts: readonly Uint8Array[]) => bytes(2, concat(...parts));
const SIGNED = [bytes(1, data), bytes(2, KEY), bytes(3, signature), integer(5, 1)] as const;
const ID = integer(1, 0);
const BLOCK = signed(...SIGNED);
const PROOF = bytes(4, bytes(1, nextSecret));
/** The token with another key in its first block. */
const withKey = (...key: readonly Uint8Array[]) =>
  concat(ID, signed(SIGNED[0], bytes(2, concat(...key)), SIGNED[2], SIGNED[3]), PROOF);

test("the messages below are those of a genuine token", () => {
  expect(codeOf(concat(ID, BLOCK, PROOF))).toBe("genuine");
  expect(codeOf(concat(BLOCK, PROOF))).toBe("genuine");
});

test.each<[string, Uint8Array, string?]>([
  ["nothing", new Uint8Array(0)],
  ["a field twice", concat(ID, ID, BLOCK, PROOF)],
  ["its block twice", concat(ID, BLOCK, BLOCK, PROOF)],
  ["its proof twice", concat(ID, BLOCK, PROOF, PROOF)],
  ["fields in another order", concat(BLOCK, ID, PROOF)],
  ["its proof before its block", concat(PROOF, ID, BLOCK)],
  ["an unknown field", concat(ID, BLOCK, PROOF, integer(5, 0))],
  ["a field of a great number", concat(ID, BLOCK, PROOF, Uint8Array.of(0xf8, 0x07, 0))],
  ["field 0", concat(integer(0, 0), BLOCK, PROOF)],
  ["a byte left over", concat(ID, BLOCK, PROOF, Uint8Array.of(0))],
  ["no proof", concat(ID, BLOCK)],
  ["an empty proof", concat(ID, BLOCK, bytes(4, new Uint8Array(0)))],
  ["two proofs", concat(ID, BLOCK, bytes(4, concat(bytes(1, nextSecret), bytes(2, signature))))],
  ["a fixed-width field", concat(Uint8Array.of(0x0d, 0, 0, 0, 0), BLOCK, PROOF)],
  ["a group", concat(Uint8Array.of(0x0b, 0x0c), BLOCK, PROOF)],
  ["a long integer", concat(tag(1, 0), long(0), BLOCK, PROOF)],
  ["a long tag", concat(long(0x08), Uint8Array.of(0), BLOCK, PROOF)],
  ["a long length", concat(ID, BLOCK, tag(4, 2), long(34), bytes(1, nextSecret))],
  ["an integer of 11 bytes", concat(tag(1, 0), new Uint8Array(10).fill(0xff), BLOCK, PROOF)],
  ["an integer of 65 bits", concat(tag(1, 0), new Uint8Array(9).fill(0xff), Uint8Array.of(2))],
  ["a key id of 33 bits", concat(integer(1, 2 ** 32), BLOCK, PROOF)],
  ["a key id that is bytes", concat(bytes(1, new Uint8Array(1)), BLOCK, PROOF)],
  ["a block that is an integer", concat(ID, integer(2, 0), PROOF)],
  ["a length past the end", concat(ID, BLOCK, tag(4, 2), varint(35), bytes(1, nextSecret))],
  ["version 2", concat(ID, signed(...SIGNED.slice(0, 3), integer(5, 2)), PROOF)],
  [
    "an external signature",
    concat(ID, signed(...SIGNED.slice(0, 3), bytes(4, KEY), SIGNED[3]), PROOF),
    "ERR_TOKEN_THIRD_PARTY",
  ],
  ["a P-256 key", withKey(integer(1, 1), bytes(2, nextKey)), "ERR_TOKEN_ALGORITHM"],
  [
    "a P-256 key of its own length",
    withKey(integer(1, 1), bytes(2, new Uint8Array(33).fill(2))),
    "ERR_TOKEN_ALGORITHM",
  ],
  ["an unknown algorithm", withKey(integer(1, 9), bytes(2, nextKey)), "ERR_TOKEN_ALGORITHM"],
  ["a key without an algorithm", withKey(bytes(2, nextKey))],
  ["a key of 33 bytes", withKey(integer(1, 0), bytes(2, new Uint8Array(33)))],
  ["a key of none", withKey(integer(1, 0), bytes(2, new Uint8Array(0)))],
  ["a key twice", withKey(integer(1, 0), bytes(2, nextKey), bytes(2, nextKey))],
  [
    "65 blocks more",
    concat(ID, BLOCK, ...Array.from({ length: 65 }, () => bytes(3, Uint8Array.of())), PROOF),
    "ERR_TOKEN_TOO_LARGE",
  ],
])("%s", (_name, token, code = "ERR_TOKEN_MALFORMED") => {
  expect(codeOf(token)).toBe(code);
});

// ── Blocks that their holder signed

const base = bodyOf(root).token;
const narrowed = (block: Uint8Array) => codeOf(encodeToken(appendBlock(base, block)));

const VERSION = integer(3, 3);
/** Predicates without a term, by the number of their symbol. */
const FACT = bytes(4, bytes(1, integer(1, 1024)));
const NO_SYMBOL = bytes(4, bytes(1, integer(1, 2000)));
const SYMBOL = bytes(1, new TextEncoder().encode("strange"));
const QUERY = bytes(1, integer(1, 27));

test.each<[string, Uint8Array, string]>([
  ["an empty block says nothing", VERSION, "genuine"],
  ["a context", concat(bytes(2, Uint8Array.of(97)), VERSION), "ERR_TOKEN_DATALOG"],
  ["a rule", concat(VERSION, bytes(5, QUERY)), "ERR_TOKEN_DATALOG"],
  ["a scope", concat(VERSION, bytes(7, integer(1, 0))), "ERR_TOKEN_DATALOG"],
  ["a public key", concat(VERSION, bytes(8, KEY)), "ERR_TOKEN_DATALOG"],
  ["an unknown field", concat(VERSION, bytes(9, KEY)), "ERR_TOKEN_MALFORMED"],
  ["a foreign fact", concat(SYMBOL, VERSION, FACT), "ERR_TOKEN_DATALOG"],
  ["a symbol that is missing", concat(VERSION, NO_SYMBOL), "ERR_TOKEN_MALFORMED"],
  ["a symbol twice", concat(SYMBOL, SYMBOL, VERSION), "ERR_TOKEN_MALFORMED"],
  [
    "a default symbol",
    concat(bytes(1, new TextEncoder().encode("read")), VERSION),
    "ERR_TOKEN_MALFORMED",
  ],
  [
    "a symbol that is no UTF-8",
    concat(bytes(1, Uint8Array.of(0xff)), VERSION),
    "ERR_TOKEN_MALFORMED",
  ],
  ["no version", SYMBOL, "ERR_TOKEN_MALFORMED"],
  ["version 2", integer(3, 2), "ERR_TOKEN_MALFORMED"],
  ["version 7", integer(3, 7), "ERR_TOKEN_MALFORMED"],
  ["an empty check", concat(VERSION, bytes(6, new Uint8Array(0))), "ERR_TOKEN_DATALOG"],
  [
    "check all",
    concat(VERSION, bytes(6, concat(bytes(1, QUERY), integer(2, 1)))),
    "ERR_TOKEN_DATALOG",
  ],
  [
    "reject if",
    concat(VERSION, bytes(6, concat(bytes(1, QUERY), integer(2, 2)))),
    "ERR_TOKEN_DATALOG",
  ],
  [
    "a check that trusts blocks before",
    concat(VERSION, bytes(6, bytes(1, concat(QUERY, bytes(4, integer(1, 1)))))),
    "ERR_TOKEN_DATALOG",
  ],
])("a block with %s", (_name, block, code) => {
  expect(narrowed(block)).toBe(code);
});

const { symbols } = readBlocks(base.blocks.map((block) => block.data));
const LIMIT = "max_uses=3";
const said = fact("caveat", text(LIMIT));
const blockOf = (facts: readonly ReturnType<typeof fact>[], checks: readonly Check[]) =>
  encodeBlock({ facts, checks }, new Symbols(symbols));
const ENDPOINT = "endpoints=GET https://api.example/a";
const regex = "^(?:(?:GET|HEAD) https://api\\.example:443/a)$";

describe("a caveat with", () => {
  test.each<[string, readonly ReturnType<typeof fact>[], readonly Check[], string]>([
    ["its check", [said], [checkOf(LIMIT)!], "genuine"],
    ["no check", [said], [], "ERR_TOKEN_DATALOG"],
    ["its check twice", [said], [checkOf(LIMIT)!, checkOf(LIMIT)!], "ERR_TOKEN_DATALOG"],
    ["another check", [said], [checkOf("max_uses=4")!], "ERR_TOKEN_DATALOG"],
    ["a query more", [said], [check(...checkOf(LIMIT)!.queries, query([]))], "ERR_TOKEN_DATALOG"],
    ["a check of truth", [said], [check(query([]))], "ERR_TOKEN_DATALOG"],
    [
      "a check that lacks a value",
      [said],
      [check(query([], { kind: "operator", name: "<" }))],
      "ERR_TOKEN_DATALOG",
    ],
    [
      "a check that leaves a value over",
      [said],
      [check(query([], truth, truth))],
      "ERR_TOKEN_DATALOG",
    ],
    [
      "a name that reads as its check",
      [fact("caveat", text(ENDPOINT))],
      [
        check(
          query([
            fact(`access($a), $a.matches("${regex.replace(/\\/g, "\\\\")}") or own_affairs`, truth),
          ]),
        ),
      ],
      "ERR_TOKEN_DATALOG",
    ],
    [
      "a variable that reads as more",
      [said],
      [check(query([fact("counted", variable(`a), counted($b`))]))],
      "ERR_TOKEN_DATALOG",
    ],
    [
      "a second value",
      [fact("caveat", text(LIMIT), truth)],
      [checkOf(LIMIT)!],
      "ERR_TOKEN_DATALOG",
    ],
    ["no value", [fact("caveat")], [], "ERR_TOKEN_DATALOG"],
    ["a number for a text", [fact("caveat", truth)], [], "ERR_TOKEN_DATALOG"],
    ["a forged fact", [said, fact("counted", text(LIMIT))], [checkOf(LIMIT)!], "ERR_TOKEN_DATALOG"],
  ])("%s", (_name, facts, checks, code) => {
    expect(narrowed(blockOf(facts, checks))).toBe(code);
  });
});
