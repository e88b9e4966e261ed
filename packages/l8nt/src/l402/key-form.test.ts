/** The key form of a credential: lossless, of few characters, and one spelling only. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { credentialText, GOLDEN_TEXTS, PREIMAGE, packetOf } from "../../../../test/fuzz/golden.ts";
import { Authority } from "./authority.ts";
import { Credential } from "./credential.ts";
import { readPresented } from "./presented.ts";

const text = credentialText({ salt: "a", caveats: ["valid_until=1767229200"] });
const key = Credential.parse(text).toKey();
const malformed = expect.objectContaining({ name: "TokenError", code: "ERR_TOKEN_MALFORMED" });

test("is the bytes of macaroon and preimage, by another encoder", () => {
  const packet = packetOf({ salt: "a", caveats: ["valid_until=1767229200"] });
  const bytes = Buffer.concat([packet, Buffer.from(PREIMAGE, "hex")]);
  expect(key).toBe(`sk-sigil-${bytes.toString("base64url")}`);
});

test("every credential comes back as it was, with and without padding", () => {
  const lengths = new Set<number>();
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (purpose) => {
      const written = credentialText({ salt: "a", caveats: [`purpose=${purpose}`] });
      const asKey = Credential.parse(written).toKey();
      expect(asKey).toMatch(/^sk-sigil-[A-Za-z0-9_-]+$/);
      expect(Credential.parse(asKey).toString()).toBe(written);
      expect(Credential.parse(asKey).toKey()).toBe(asKey);
      lengths.add(asKey.length % 4);
    }),
  );
  expect(lengths.size).toBe(3);
  for (const golden of GOLDEN_TEXTS)
    expect(Credential.parse(Credential.parse(golden).toKey()).toString()).toBe(golden);
});

test("eight hand-overs deep it stays below 2 KiB", () => {
  const authority = new Authority({
    secret: "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8",
    location: "https://a.example",
  });
  let credential = authority.minter.mint({
    endpoints: ["* https://a.example/**"],
    budgetPerDay: "5 usd",
    expiresIn: "30d",
  });
  for (let depth = 1; depth <= 8; depth++)
    credential = credential.delegate({
      agent: `researcher-${depth}`,
      budgetPerDay: "0.5 usd",
      models: ["gpt-5.4-mini", "gpt-5.4-nano"],
      expiresIn: "7d",
    });
  const asKey = credential.toKey();
  expect(asKey.length).toBeLessThanOrEqual(2048);
  expect(authority.verifier.authenticate(asKey).lineage).toHaveLength(8);
});

describe("is not read", () => {
  const digits = key.slice("sk-sigil-".length);
  test.each([
    ["with padding", `${key}==`],
    ["in the standard alphabet", key.replace(/[A-Za-z]$/, "+")],
    ["without its prefix", digits],
    ["with an upper-case prefix", `SK-SIGIL-${digits}`],
    ["with a preimage behind", `${key}:${PREIMAGE}`],
    ["with nothing behind the prefix", "sk-sigil-"],
    ["with a preimage alone", `sk-sigil-${Buffer.from(PREIMAGE, "hex").toString("base64url")}`],
    ["with unused bits", `${key.slice(0, -1)}${key.endsWith("B") ? "C" : "B"}A`],
    ["with a blank", `${key} `],
    ["with a line feed", `${key}\n`],
    ["cut short", key.slice(0, -1)],
  ])("%s", (_what, spelling) => {
    expect(() => Credential.parse(spelling)).toThrow(malformed);
  });
});

test("is the same credential in a request, beside the other spelling", () => {
  expect(readPresented({ authorization: `L402 ${key}` })).toBe(key);
  expect(readPresented({ authorization: `L402 ${text}, L402 ${key}` })).toBe(text);
  const other = Credential.parse(credentialText({ salt: "b" })).toKey();
  expect(() => readPresented({ authorization: `L402 ${text}, L402 ${other}` })).toThrow(
    expect.objectContaining({ code: "ERR_TOKEN_AMBIGUOUS" }),
  );
});

test("shows in no description", () => {
  expect(JSON.stringify(Credential.parse(key))).not.toContain("sk-sigil");
});
