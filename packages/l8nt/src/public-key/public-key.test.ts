/** A credential from its minter to a verifier, and what becomes of it on the way. */
import { describe, expect, test } from "vitest";
import { Symbols } from "../biscuit/block.ts";
import { appendBlock } from "../biscuit/signatures.ts";
import { encodeToken, type Token } from "../biscuit/token.ts";
import { RevocationList } from "../credential/index.ts";
import { TokenError } from "../errors.ts";
import { base64Text } from "../internal/bytes.ts";
import { Credential } from "../l402/credential.ts";
import type { BiscuitBody } from "./body.ts";
import { BiscuitVerifier, type IssuerKeys, Minter, seal } from "./index.ts";
import { narrowingBlock, readBlocks } from "./profile.ts";

const NOW = 1_800_000_000;
const issuer = "https://treasury.example";
const minter = new Minter({ privateKey: "11".repeat(32), issuer, keyId: 7, clock: () => NOW });

const keys: IssuerKeys = {
  find(from, keyId) {
    if (from !== issuer) throw new TokenError("ERR_TOKEN_ISSUER", "Not trusted.");
    if (keyId !== 7) throw new TokenError("ERR_TOKEN_KEY", "No such key.");
    return minter.publicKey;
  },
};
const verifier = () => new BiscuitVerifier({ keys, revocations: new RevocationList() });

const root = minter.mint({
  endpoints: ["GET https://api.example/**"],
  expiresIn: "1h",
  maxUses: 9,
});
const child = root.delegate({
  agent: "booker",
  endpoints: ["GET https://api.example/a/*"],
  maxUses: 3,
});

const bodyOf = (credential: Credential): BiscuitBody => credential.body as BiscuitBody;
const preimageOf = (credential: Credential): string => credential.toString().split(":")[1]!;

/** The child with another token and its own preimage. */
const forged = (change: (token: Token) => Token): string =>
  `${base64Text(encodeToken(change(bodyOf(child).token)))}:${preimageOf(child)}`;

function codeOf(text: string): string {
  try {
    verifier().authenticate(text);
    return "genuine";
  } catch (error) {
    if (error instanceof TokenError) return error.code;
    throw error;
  }
}

describe("genuine", () => {
  test.each([
    ["as it was minted", root],
    ["narrowed", child],
    ["sealed", seal(child)],
    ["narrowed and sealed", seal(child.attenuate({ endpoints: ["* https://api.example/**"] }))],
  ])("%s", (_name, credential) => {
    expect(codeOf(credential.toString())).toBe("genuine");
    expect(codeOf(credential.toKey())).toBe("genuine");
    const read = Credential.parse(credential.toKey());
    expect(read.toString()).toBe(credential.toString());
    expect(read.caveats.map(({ value }) => value)).toEqual(
      credential.caveats.map(({ value }) => value),
    );
  });

  test("its nodes and limits have places of their own, which all who share them share", () => {
    const one = verifier().authenticate(child.toString());
    const sibling = verifier().authenticate(root.delegate({ agent: "other" }).toString());
    expect(one.lineage).toEqual(["booker"]);
    const ids = [...one.nodes.map(({ id }) => id), ...one.limits.map(({ id }) => id)];
    expect(new Set(ids).size).toBe(ids.length);
    expect(sibling.nodes[0]!.id).toBe(one.nodes[0]!.id);
    expect(sibling.limits[0]!.id).toBe(one.limits[0]!.id);
    expect(sibling.node.id).not.toBe(one.node.id);
  });

  test("a limit that names no ledger is counted by nobody", () => {
    const codes = verifier()
      .authenticate(child.toString())
      .judge({ now: NOW, target: "self" })
      .map(({ code }) => code);
    expect(codes).toEqual(["ERR_USES", "ERR_USES"]);
  });

  test("what is judged is what its caveats say", () => {
    const at = (path: string) => ({
      now: NOW,
      target: {
        method: "GET",
        origin: { scheme: "https" as const, host: "api.example", port: 443 },
        path,
        segments: path.slice(1).split("/"),
      },
    });
    const unlimited = minter
      .mint({ endpoints: ["GET https://api.example/**"], expiresIn: "1h" })
      .delegate({ agent: "booker", endpoints: ["GET https://api.example/a/*"] });
    const proven = verifier().authenticate(unlimited.toString());
    expect(proven.judge(at("/a/b"))).toEqual([]);
    expect(proven.judge(at("/b")).map(({ code }) => code)).toEqual(["ERR_ENDPOINT"]);
    expect(proven.judge({ ...at("/a/b"), now: NOW + 3600 }).map(({ code }) => code)).toEqual([
      "ERR_EXPIRED",
    ]);
  });
});

describe("refused", () => {
  const block = (at: number) => (token: Token) => {
    const blocks = [...token.blocks];
    blocks.splice(at, 1);
    return { ...token, blocks: blocks as unknown as Token["blocks"] };
  };
  const other = bodyOf(root.delegate({ agent: "other" })).token.blocks[1]!;
  const foreign = new Minter({ privateKey: "22".repeat(32), issuer, keyId: 7, clock: () => NOW });

  test.each<[string, string, string]>([
    ["its last block removed", forged(block(1)), "ERR_TOKEN_FORGED"],
    ["its first block removed", forged(block(0)), "ERR_TOKEN_MALFORMED"],
    [
      "its blocks reordered",
      forged((token) => ({ ...token, blocks: [token.blocks[1]!, token.blocks[0]] })),
      "ERR_TOKEN_MALFORMED",
    ],
    [
      "a block twice",
      forged((token) => ({ ...token, blocks: [...token.blocks, token.blocks[1]!] })),
      "ERR_TOKEN_MALFORMED",
    ],
    [
      "a sibling's block in place of its own",
      forged((token) => ({ ...token, blocks: [token.blocks[0], other] })),
      "ERR_TOKEN_FORGED",
    ],
    [
      "the signature of a sibling's block",
      forged((token) => ({
        ...token,
        blocks: [token.blocks[0], { ...token.blocks[1]!, signature: other.signature }],
      })),
      "ERR_TOKEN_FORGED",
    ],
    [
      "a version that was not signed",
      forged((token) => ({
        ...token,
        blocks: [token.blocks[0], { ...token.blocks[1]!, version: 0 }],
      })),
      "ERR_TOKEN_FORGED",
    ],
    ["another key of the issuer", forged((token) => ({ ...token, rootKeyId: 8 })), "ERR_TOKEN_KEY"],
    [
      "no key of the issuer",
      forged((token) => ({ ...token, rootKeyId: undefined })),
      "ERR_TOKEN_KEY",
    ],
    [
      "a seal of another key",
      forged((token) => ({
        ...token,
        proof: { kind: "sealed", signature: token.blocks[1]!.signature },
      })),
      "ERR_TOKEN_FORGED",
    ],
    [
      "minted by another key under this issuer's name",
      foreign.mint({ endpoints: ["GET https://api.example/**"], expiresIn: "1h" }).toString(),
      "ERR_TOKEN_FORGED",
    ],
    [
      "of an issuer that is not trusted",
      new Minter({ privateKey: "11".repeat(32), issuer: "https://other.example", keyId: 7 })
        .mint({ endpoints: ["GET https://api.example/**"], expiresIn: "1h" })
        .toString(),
      "ERR_TOKEN_ISSUER",
    ],
    [
      "another preimage",
      child.toString().replace(/:.*$/, `:${"00".repeat(32)}`),
      "ERR_TOKEN_PREIMAGE",
    ],
  ])("%s", (_name, text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  test("narrowing what is sealed", () => {
    expect(() => seal(child).attenuate({ maxUses: 1 })).toThrow(
      expect.objectContaining({ code: "ERR_TOKEN_SEALED" }),
    );
    expect(() => seal(seal(child))).toThrow(expect.objectContaining({ code: "ERR_TOKEN_SEALED" }));
  });

  test("what was proven of a parent proves nothing of a forged child", () => {
    const one = verifier();
    const sibling = root.delegate({ agent: "other" });
    for (const credential of [root, child, child, sibling]) one.authenticate(credential);
    const text = forged((token) => ({
      ...token,
      blocks: [token.blocks[0], { ...token.blocks[1]!, signature: other.signature }],
    }));
    expect(() => one.authenticate(text)).toThrow(
      expect.objectContaining({ code: "ERR_TOKEN_FORGED" }),
    );
  });

  test.each<[string, () => unknown]>([
    ["a scope without a place", () => minter.mint({ expiresIn: "1h" })],
    ["a scope without an end", () => minter.mint({ endpoints: ["GET https://api.example/**"] })],
    [
      "an issuer with a path",
      () => new Minter({ privateKey: "11".repeat(32), issuer: `${issuer}/x` }),
    ],
    ["a short private key", () => new Minter({ privateKey: "11".repeat(31), issuer })],
  ])("%s", (_name, run) => {
    expect(run).toThrow(TypeError);
  });
});

test("a credential that nobody would read is not minted", () => {
  const models = Array.from({ length: 330 }, () => "a*");
  expect(() =>
    minter.mint({ endpoints: ["GET https://api.example/**"], expiresIn: "1h", models }),
  ).toThrow(expect.objectContaining({ code: "ERR_TOKEN_TOO_LARGE" }));
});

test("a credential that comes again is known, with the key as its minter has it", () => {
  const one = verifier();
  const text = minter
    .mint({ endpoints: ["GET https://api.example/**"], expiresIn: "1h" })
    .toString();
  for (let time = 0; time < 2; time++) one.authenticate(text);
  expect(one.known(text)).toBeDefined();
});

test("shows no secret", () => {
  const shown = [JSON.stringify(child), JSON.stringify(bodyOf(child)), `${child.toJSON()}`].join();
  const { proof } = bodyOf(child).token;
  expect(shown).not.toContain(preimageOf(child));
  expect(shown).not.toContain(
    base64Text(proof.kind === "open" ? proof.nextSecret : proof.signature),
  );
});

test("a key is compared by its bytes: fresh arrays prove nothing anew, one that was changed does", () => {
  const key = new Uint8Array(minter.publicKey);
  const at = { find: () => new Uint8Array(key) };
  const judge = new BiscuitVerifier({
    keys: { find: () => at.find() },
    revocations: new RevocationList(),
  });
  const text = root.attenuate({ endpoints: ["GET https://api.example/b"] }).toString();
  for (const _ of "123") judge.authenticate(text);
  const held = judge.known(text);
  expect(held).toBeDefined();
  expect(judge.known(text)).toBe(held);
  at.find = () => key;
  expect(judge.known(text)).toBe(held);
  key[0]! ^= 1;
  expect(judge.known(text)).toBeUndefined();
});

test("a key that is changed in the very array that it was given in proves nothing", () => {
  const key = new Uint8Array(minter.publicKey);
  const judge = new BiscuitVerifier({
    keys: { find: () => key },
    revocations: new RevocationList(),
  });
  const text = root.attenuate({ endpoints: ["GET https://api.example/c"] }).toString();
  for (const _ of "123") judge.authenticate(text);
  expect(judge.known(text)).toBeDefined();
  key[0]! ^= 1;
  expect(judge.known(text)).toBeUndefined();
});

describe("room for the seal", () => {
  // 8,192 characters less those of the preimage are 6,093 bytes, in whole groups of base64.
  const MOST_BYTES = 6093;
  const bytesOf = (credential: Credential) => encodeToken(bodyOf(credential).token).length;
  const padded = (credential: Credential, length: number) =>
    credential.append([`purpose=${"x".repeat(length)}`]);

  /** As long as an open token may be, less what one more block of `length` characters takes. */
  function almostFull(): Credential {
    let full = root;
    while (bytesOf(full) < 4960) full = padded(full, 800);
    return full;
  }

  /** Of the padding of one more block that makes a token of so many bytes. */
  function lengthFor(bytes: number, before: Credential): number {
    const length = bytes - (bytesOf(padded(before, 500)) - 500);
    expect(length).toBeGreaterThan(130);
    expect(length).toBeLessThan(1000);
    return length;
  }

  test.each([
    ["append leaves it", 0, true],
    ["append refuses what would take the last byte of it", 1, false],
  ])("%s", (_name, more, fits) => {
    const before = almostFull();
    const length = lengthFor(MOST_BYTES - 32 + more, before);
    if (fits) {
      const full = padded(before, length);
      expect(bytesOf(seal(full))).toBe(MOST_BYTES);
      expect(codeOf(seal(full).toString())).toBe("genuine");
    } else {
      expect(() => padded(before, length)).toThrow(
        expect.objectContaining({ code: "ERR_TOKEN_TOO_LARGE" }),
      );
    }
  });

  test("a token of another maker that left none is read, and cannot be sealed", () => {
    const before = almostFull();
    const body = bodyOf(before);
    const data = narrowingBlock(
      [`purpose=${"x".repeat(lengthFor(MOST_BYTES - 31, before))}`],
      new Symbols(readBlocks(body.token.blocks.map((block) => block.data)).symbols),
    );
    const token = appendBlock(body.token, data);
    const spare = MOST_BYTES - encodeToken(token).length;
    expect(spare).toBeGreaterThanOrEqual(0);
    expect(spare).toBeLessThan(32);
    const text = `${base64Text(encodeToken(token))}:${preimageOf(before)}`;
    expect(codeOf(text)).toBe("genuine");
    expect(() => seal(Credential.parse(text))).toThrow(
      expect.objectContaining({ code: "ERR_TOKEN_TOO_LARGE" }),
    );
  });
});
