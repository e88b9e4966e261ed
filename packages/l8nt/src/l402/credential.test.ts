/**
 * The text of a credential: which spellings are read, which one is written, and how large it may
 * be.
 */
import { describe, expect, test } from "vitest";
import vectors from "../../../../spec/vectors/macaroons.json" with { type: "json" };
import {
  credentialText,
  GOLDEN_TEXTS,
  identifierOf,
  NOW,
  PREIMAGE,
  packetOf,
  thirdPartyPacket,
} from "../../../../test/fuzz/golden.ts";
import { Macaroon } from "../macaroon/index.ts";
import { Credential, macaroonOf } from "./credential.ts";
import { Identifier } from "./identifier.ts";

const refusal = (code: string) => expect.objectContaining({ name: "TokenError", code });
const malformed = refusal("ERR_TOKEN_MALFORMED");
const tooLarge = refusal("ERR_TOKEN_TOO_LARGE");

// Chosen so that both alphabets and padding show.
const packet = Array.from({ length: 200 }, (_, salt) =>
  packetOf({ salt: `${salt}`, caveats: ["purpose=ü"] }),
).find((bytes) => /(?=.*\+)(?=.*\/)(?=.*=$)/.test(bytes.toString("base64")))!;
const standard = packet.toString("base64");
const urlSafe = packet.toString("base64url");
const canonical = `${standard}:${PREIMAGE}`;

describe("reading [cases 3, 4]", () => {
  test.each([
    ["as it is written", canonical],
    ["without padding", `${standard.replace(/=+$/, "")}:${PREIMAGE}`],
    ["URL-safe", `${urlSafe}:${PREIMAGE}`],
    ["URL-safe and padded", `${standard.replaceAll("+", "-").replaceAll("/", "_")}:${PREIMAGE}`],
    ["with an upper-case preimage", `${standard}:${PREIMAGE.toUpperCase()}`],
    [
      "with a preimage of both cases",
      `${standard}:${PREIMAGE.slice(0, 32).toUpperCase()}${PREIMAGE.slice(32)}`,
    ],
  ])("%s: one credential, and one text that we write", (_what, text) => {
    expect(Credential.parse(text).toString()).toBe(canonical);
    expect(Credential.parse(text).isPaid).toBe(true);
  });

  test("what we write is read back to itself", () => {
    for (const text of GOLDEN_TEXTS) expect(Credential.parse(text).toString()).toBe(text);
  });

  test.each<[string, string]>([
    ["nothing", ""],
    ["a colon", ":"],
    ["no colon", standard],
    ["no preimage", `${standard}:`],
    ["no macaroon", `:${PREIMAGE}`],
    ["padding for a macaroon", `==:${PREIMAGE}`],
    ["63 digits", `${standard}:${PREIMAGE.slice(1)}`],
    ["65 digits", `${standard}:${PREIMAGE}0`],
    ["128 digits", `${standard}:${PREIMAGE}${PREIMAGE}`],
    ["62 digits", `${standard}:${PREIMAGE.slice(2)}`],
    ["a last digit that is none", `${standard}:${PREIMAGE.slice(0, 63)}g`],
    ["a first digit that is none", `${standard}:g${PREIMAGE.slice(1)}`],
    ["a blank for a digit", `${standard}:${PREIMAGE.slice(0, 63)} `],
    ["0x", `${standard}:0x${PREIMAGE.slice(2)}`],
    ["full-width digits", `${standard}:${"\uFF10".repeat(64)}`],
    ["a preimage in base64", `${standard}:${Buffer.from(PREIMAGE, "hex").toString("base64")}`],
    ["the parts exchanged", `${PREIMAGE}:${standard}`],
    ["a macaroon in hex", `${packet.toString("hex")}:${PREIMAGE}`],
    ["the scheme in front", `L402 ${canonical}`],
    ["a blank in front", ` ${canonical}`],
    ["a blank behind", `${canonical} `],
    ["a line feed behind [case 9]", `${canonical}\n`],
    ["a line feed inside [case 9]", `${standard.slice(0, 8)}\n${standard.slice(8)}:${PREIMAGE}`],
    ["a carriage return at the colon [case 9]", `${standard}\r:${PREIMAGE}`],
    ["a NUL [case 9]", `${canonical}\0`],
    ["an obs-fold [case 9]", `${standard}\r\n :${PREIMAGE}`],
    ["a byte-order mark", `\uFEFF${canonical}`],
    ["mixed alphabets", `${standard.replace("+", "-")}:${PREIMAGE}`],
    ["percent-encoding", `${encodeURIComponent(standard)}:${PREIMAGE}`],
    ["quotes", `"${canonical}"`],
    ["two colons", `${standard}::${PREIMAGE}`],
    [
      "aperture's dummy macaroon, whose identifier is no L402 one",
      `${vectors.l402[0]!.v2_b64}:${PREIMAGE}`,
    ],
    ["a V1 macaroon [case 5]", `${vectors.tampered.v1_b64}:${PREIMAGE}`],
    [
      "an unpaid macaroon's hash of zeros [case 6]",
      credentialText({ paymentHash: "0".repeat(64) }),
    ],
  ])("%s is malformed", (_what, text) => {
    expect(() => Credential.parse(text)).toThrow(malformed);
  });

  test.each([undefined, null, 7, {}, [], new Uint8Array(3)])("%o is refused", (value) => {
    expect(() => Credential.parse(value as never)).toThrow(malformed);
  });

  test("trailing bits that are not zero are refused, padded or not", () => {
    const unpadded = standard.replace(/=+$/, "");
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const other = alphabet[alphabet.indexOf(unpadded.at(-1)!) + 1]!;
    for (const tail of [other, other + standard.slice(unpadded.length)])
      expect(() => Credential.parse(`${unpadded.slice(0, -1)}${tail}:${PREIMAGE}`)).toThrow(
        malformed,
      );
  });

  test("a third-party caveat is refused by its own name [case 28]", () => {
    const text = `${thirdPartyPacket().toString("base64")}:${PREIMAGE}`;
    expect(() => Credential.parse(text)).toThrow(refusal("ERR_TOKEN_THIRD_PARTY"));
  });
});

describe("limits ±1 [case 7]", () => {
  test("8192 characters are read, 8193 are not, whatever they say", () => {
    expect(() => Credential.parse("A".repeat(8193))).toThrow(tooLarge);
    expect(() => Credential.parse("A".repeat(8192))).toThrow(malformed);
    expect(() => Credential.parse("A".repeat(1 << 20))).toThrow(tooLarge);
  });

  test("what can be read can be written, and what cannot be written is not made", () => {
    let credential = Credential.parse(credentialText({ location: "" }));
    expect(() => {
      for (;;) credential = credential.append([`purpose=${"a".repeat(100)}`]);
    }).toThrow(tooLarge);
    expect(credential.toString().length).toBeGreaterThan(7900);
    for (let length = 64; ; length--) {
      const caveat = `purpose=${"a".repeat(Math.max(0, length))}`;
      try {
        credential = credential.append([caveat]);
        break;
      } catch (error) {
        if (length < 0) break;
        expect(error).toEqual(tooLarge);
      }
    }
    expect(credential.toString().length).toBeLessThanOrEqual(8192);
    expect(Credential.parse(credential.toString()).toString()).toBe(credential.toString());
  });

  test("64 caveats, 1024 bytes a caveat", () => {
    const root = Credential.parse(credentialText());
    const full = root.append(Array.from({ length: 64 }, () => "max_uses=1"));
    expect(() => full.append(["max_uses=1"])).toThrow(tooLarge);
    expect(() => root.append([`purpose=${"a".repeat(1017)}`])).toThrow(tooLarge);
    expect(root.append([`purpose=${"a".repeat(1016)}`]).caveats[0]!.value).toHaveLength(1016);
  });

  test("a chain of delegations ends with a clear error [case 24]", () => {
    let deep = Credential.parse(credentialText());
    let made = 0;
    expect(() => {
      for (; made < 10_000; made++) deep = deep.delegate({ agent: "a" }, { now: NOW });
    }).toThrow(tooLarge);
    expect(made).toBe(64);
    expect(() => deep.delegate({ agent: "a" })).toThrow(/Delegate less deep/);
  });
});

describe("the published L402 credential", () => {
  const loop = vectors.l402[1]!;

  test("read, and its parts are as published", () => {
    const credential = Credential.parse(`${loop.v2_b64}:${loop.preimage}`);
    expect(credential.isPaid).toBe(true);
    expect(credential.location).toBe("lsat");
    expect(credential.paymentHash).toBe(loop.payment_hash);
    const { tokenId } = Identifier.decode(macaroonOf(credential).identifier);
    expect(Buffer.from(tokenId).toString("hex")).toBe(loop.token_id);
    expect(credential.caveats.map(({ condition, value }) => `${condition}=${value}`)).toEqual(
      loop.caveats,
    );
    expect(Buffer.from(macaroonOf(credential).signature).toString("hex")).toBe(loop.signature);
  });

  test("another preimage does not pay for it", () => {
    expect(Credential.parse(`${loop.v2_b64}:${"0".repeat(64)}`).isPaid).toBe(false);
  });
});

describe("narrowing, offline", () => {
  const root = Credential.parse(credentialText());

  test("the scope is appended, under js-macaroon's signature, and the parent stays as it was", () => {
    const before = root.toString();
    const child = root.attenuate(
      { endpoints: ["GET https://api.example/a"], expiresIn: "15m", budget: "5 sat" },
      { now: NOW },
    );
    expect(child.toString()).toBe(
      credentialText({
        caveats: [
          "endpoints=GET https://api.example/a",
          `valid_until=${NOW + 900}`,
          "budget_msat=5000",
        ],
      }),
    );
    expect(root.toString()).toBe(before);
  });

  test("a delegation needs a name", () => {
    expect(() => root.delegate({} as never)).toThrow(/names its agent/);
    expect(() => root.delegate({ agent: undefined } as never)).toThrow(TypeError);
    expect(root.delegate({ agent: "scout" }).chain.lineage).toEqual(["scout"]);
  });

  test("a scope that cannot be read is an error before anything is signed", () => {
    expect(() => root.attenuate({ budgt: "5 sat" } as never)).toThrow(TypeError);
    expect(() => root.attenuate({ expiresIn: "15m" }, { now: Number.NaN })).toThrow(TypeError);
  });

  test("Credential.paid takes a macaroon and 64 hex digits only", () => {
    for (const preimage of ["", PREIMAGE.slice(1), `${PREIMAGE}0`, "g".repeat(64)])
      expect(() => Credential.paid(macaroonOf(root), preimage)).toThrow(malformed);
    const foreignIdentifier = Macaroon.mint({
      rootKey: Buffer.from("k"),
      identifier: identifierOf().subarray(1),
    });
    expect(() => Credential.paid(foreignIdentifier, PREIMAGE)).toThrow(malformed);
  });
});
