/**
 * The Authorization field: one credential, or a refusal; never the first of several, nor the last.
 * [case 8]
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { credentialText, PREIMAGE } from "../../../../test/fuzz/golden.ts";
import { TokenError } from "../errors.ts";
import { formatAuthorization, readAuthorization } from "./authorization.ts";
import { Credential } from "./credential.ts";

const A = credentialText({ salt: "a" });
const B = credentialText({ salt: "b" });
const urlSafe = `${Buffer.from(A.split(":")[0]!, "base64").toString("base64url")}:${PREIMAGE.toUpperCase()}`;

test.each<[string, string | null | undefined]>([
  ["no field", undefined],
  ["no field, as Headers has it", null],
  ["an empty field", ""],
  ["blanks", "  "],
  ["another scheme", "Bearer abc"],
  ["another scheme with a comma", "Basic abc, Digest x=y"],
  ["a scheme that begins like ours", `L402x ${A}`],
  ["a scheme that ends like ours", `xL402 ${A}`],
  ["a scheme without a blank", `L402:${A}`],
  ["a credential without its scheme", A],
  ["a bearer of ours", `Bearer ${A}`],
  ["one in a quoted value", `Digest realm="b, L402 ${A}"`],
  ["one in a quoted value with quotes", `Digest realm="b \\", L402 ${A}", nc=1`],
])("%s: none presented", (_what, field) => {
  expect(readAuthorization(field)).toBeUndefined();
});

test.each<[string, string]>([
  ["L402", `L402 ${A}`],
  ["LSAT", `LSAT ${A}`],
  ["lower case", `l402 ${A}`],
  ["mixed case", `Lsat ${A}`],
  ["several blanks", `L402    ${A}`],
  ["blanks and a tab around", `\t L402 ${A} \t`],
  ["two lines that carry the same, as aperture's client sends them", `LSAT ${A}, L402 ${A}`],
  ["the same, joined without a blank", `LSAT ${A},L402 ${A}`],
  ["three lines", `L402 ${A}, L402 ${A}, LSAT ${A}`],
  ["the same in another spelling", `L402 ${A}, LSAT ${urlSafe}`],
  ["one and a bearer token of the API", `L402 ${A}, Bearer x`],
  ["a bearer token of the API and one", `Bearer x, L402 ${A}`],
  ["one beside a scheme with parameters", `Digest username="x", nc=1, L402 ${A}`],
  ["one beside a comma in quotes", `Digest realm="b, c", L402 ${A}`],
  ["one before a comma in quotes", `L402 ${A}, Digest realm="b, c", uri="/,"`],
  ["one beside a comma behind escaped quotes", `Digest realm="b\\", c", L402 ${A}`],
  ["one beside an escape before the end", `Digest realm="b, c\\\\", L402 ${A}`],
  ["one beside blanks around equals signs", `Digest realm = "b, c", nc = 1, L402 ${A}`],
  ["one, and another in a quoted value", `Digest realm="b, L402 ${B}", L402 ${A}`],
  ["one behind a quote that never closes", `Digest realm="b, L402 ${A}`],
  ["one between quotes that open no value", `Bearer a"b, L402 ${A}, Bearer c"d`],
  ["one before a scheme with parameters", `LSAT ${A}, Digest username="x", nc=1, L402 ${A}`],
])("%s: presented", (_what, field) => {
  expect(readAuthorization(field)).toBe(A);
});

test.each<[string, string, string]>([
  ["two different ones", `L402 ${A}, L402 ${B}`, "ERR_TOKEN_AMBIGUOUS"],
  ["two different ones under two schemes", `LSAT ${A}, L402 ${B}`, "ERR_TOKEN_AMBIGUOUS"],
  ["the same twice and another", `L402 ${A}, L402 ${A}, L402 ${B}`, "ERR_TOKEN_AMBIGUOUS"],
  ["another between", `L402 ${A}, L402 ${B}, L402 ${A}`, "ERR_TOKEN_AMBIGUOUS"],
  [
    "two different ones around another scheme",
    `L402 ${A}, Bearer x, L402 ${B}`,
    "ERR_TOKEN_AMBIGUOUS",
  ],
  ["a list of macaroons", `L402 ${A.split(":")[0]},${A}`, "ERR_TOKEN_AMBIGUOUS"],
  ["one and a parameter", `L402 ${A}, realm="x"`, "ERR_TOKEN_AMBIGUOUS"],
  ["one and a parameter with blanks", `L402 ${A}, realm = "x"`, "ERR_TOKEN_AMBIGUOUS"],
  ["one with a quoted comma", `L402 ${A}, realm="x, y"`, "ERR_TOKEN_AMBIGUOUS"],
  [
    "two different ones behind an open quote",
    `Digest r="b, L402 ${A}, L402 ${B}`,
    "ERR_TOKEN_AMBIGUOUS",
  ],
  ["one and a credential without its scheme", `L402 ${A}, ${B}`, "ERR_TOKEN_AMBIGUOUS"],
  ["another scheme, and one that cannot be read", "Bearer x, L402", "ERR_TOKEN_MALFORMED"],
  ["one and nonsense", `L402 ${A}, L402 nonsense`, "ERR_TOKEN_AMBIGUOUS"],
  ["nonsense and one", `L402 nonsense, L402 ${A}`, "ERR_TOKEN_AMBIGUOUS"],
  ["one and an empty one", `L402 ${A}, L402`, "ERR_TOKEN_AMBIGUOUS"],
  ["one and a comma", `L402 ${A},`, "ERR_TOKEN_AMBIGUOUS"],
  ["two without a comma", `L402 ${A} L402 ${B}`, "ERR_TOKEN_MALFORMED"],
  ["a scheme and nothing", "L402 ", "ERR_TOKEN_MALFORMED"],
  ["a scheme alone", "L402", "ERR_TOKEN_MALFORMED"],
  ["a tab for the blank", `L402\t${A}`, "ERR_TOKEN_MALFORMED"],
  ["two words", `L402 ${A} x`, "ERR_TOKEN_MALFORMED"],
  ["a line feed [case 9]", `L402 ${A}\n`, "ERR_TOKEN_MALFORMED"],
  ["a folded line [case 9]", `L402 ${A.slice(0, 9)}\r\n ${A.slice(9)}`, "ERR_TOKEN_MALFORMED"],
  ["a NUL [case 9]", `L402 ${A}\0`, "ERR_TOKEN_MALFORMED"],
  ["a letter outside ASCII [case 9]", `L402 ${A}é`, "ERR_TOKEN_MALFORMED"],
  ["a no-break space", `L402 \u00a0${A}`, "ERR_TOKEN_MALFORMED"],
  ["too much [case 7]", `L402 ${"A".repeat(24_572)}`, "ERR_TOKEN_TOO_LARGE"],
  ["a megabyte of commas [case 7]", `L402 ${",".repeat(1 << 20)}`, "ERR_TOKEN_TOO_LARGE"],
])("%s: refused", (_what, field, code) => {
  expect(() => readAuthorization(field)).toThrow(
    expect.objectContaining({ name: "TokenError", code }),
  );
});

test("any field at all is a text, nothing, or a TokenError", () => {
  const unit = fc.constantFrom(
    "L402",
    "LSAT",
    "l402 ",
    " ",
    ",",
    ":",
    "=",
    '"',
    "\t",
    "A",
    A,
    B,
    "Bearer ",
    "\n",
    "é",
  );
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit, maxLength: 10 }), fc.string({ unit: "binary" })),
      (field) => {
        try {
          const text = readAuthorization(field);
          if (text !== undefined) expect(field).toContain(text);
        } catch (error) {
          expect(error).toBeInstanceOf(TokenError);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test("the credential that is read is the only one that the field holds, whatever their order", () => {
  const element = fc
    .constantFrom(A, B, urlSafe)
    .chain((text) => fc.constantFrom(`L402 ${text}`, `LSAT ${text}`, `lsat   ${text}`));
  fc.assert(
    fc.property(
      fc.array(element, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(", ", ",", " ,\t"),
      (elements, comma) => {
        const several =
          elements.some((text) => text.includes(B)) && !elements.every((text) => text.includes(B));
        const read = () => readAuthorization(elements.join(comma));
        if (several) expect(read).toThrow(expect.objectContaining({ code: "ERR_TOKEN_AMBIGUOUS" }));
        else expect(Credential.parse(read()!).toString()).toBe(elements[0]!.includes(B) ? B : A);
      },
    ),
  );
});

describe("writing", () => {
  test("one line of visible ASCII that is read back [case 9]", () => {
    const credential = Credential.parse(
      credentialText({ location: "https://x.example/\r\nEvil: 1", caveats: ["purpose=\r\nü\0"] }),
    );
    const value = formatAuthorization(credential);
    expect(value).toMatch(/^L402 [\x21-\x7e]+$/);
    expect(new Headers({ authorization: value }).get("authorization")).toBe(value);
    expect(readAuthorization(value)).toBe(credential.toString());
  });
});

test("the patterns look at each character a few times at most [case 115]", () => {
  let steps = 0;
  const { exec } = RegExp.prototype;
  RegExp.prototype.exec = function (subject) {
    steps += subject.length;
    return exec.call(this, subject);
  };
  try {
    for (const unit of [",", " ", "L402 ", "L402 x,", "a ", "\t,", ", l402"]) {
      steps = 0;
      const field = `L402 ${unit.repeat(24_000 / unit.length)}`;
      try {
        readAuthorization(field);
      } catch (error) {
        expect(error).toBeInstanceOf(TokenError);
      }
      expect(steps).toBeLessThanOrEqual(8 * field.length);
    }
  } finally {
    RegExp.prototype.exec = exec;
  }
});
