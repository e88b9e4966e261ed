/** Issuers in a challenge, of hostile and merely odd servers. spec/9-public-key.md §6. */
import { expect, test } from "vitest";
import { issuersIn, writeIssuers } from "./issuers.ts";

const A = "https://a.example";
const B = "https://b.example:8443";

test.each<[string, string | string[], string[]]>([
  ["a bare challenge", `L402 version="0", issuers="${A} ${B}"`, [A, B]],
  ["a challenge to pay, two lines", ["LSAT macaroon=x", `L402 token="t", issuers="${A}"`], [A]],
  ["joined by a comma", `LSAT macaroon="x", L402 token="t", issuers="${A}"`, [A]],
  ["beside other schemes", `Bearer realm="x", l402 Issuers = "${A}"`, [A]],
  ["several blanks", `L402 issuers="  ${A}   ${B} "`, [A, B]],
  ["twice with one value", `L402 issuers="${A}", issuers="${A}"`, [A]],
  ["several items", [`L402 issuers="${A}"`, `L402 issuers="${B} ${A}"`], [A, B]],
  ["nothing said", 'L402 version="0"', []],
  ["an empty list", 'L402 issuers=""', []],
  ["another scheme", `Bearer issuers="${A}"`, []],
  ["two values", `L402 issuers="${A}", issuers="${B}"`, []],
  ["a quote that stays open", `L402 issuers="${A}`, []],
  ["what is no origin", `L402 issuers="x ${A} ${A}/path javascript:1 https://"`, [A]],
  [
    "more than 16",
    `L402 issuers="${Array.from("abcdefghijklmnopq", (c) => `https://${c}.example`).join(" ")}"`,
    [],
  ],
  ["more than 1,024 characters", `L402 issuers="https://${"a".repeat(1024)}"`, []],
  ["a huge field", [`L402 issuers="${A}"`, "x".repeat(32_768)], []],
])("%s", (_name, lines, expected) => {
  expect(issuersIn([lines].flat())).toEqual(expected);
});

test("what is written is read", () => {
  const issuers = [A, B, "http://127.0.0.1:8402", "https://[2001:db8::1]"];
  expect(issuersIn([`L402 issuers="${writeIssuers(issuers)}"`])).toEqual(issuers);
});
