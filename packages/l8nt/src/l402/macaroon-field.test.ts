/**
 * The fields that Lightning Labs' clients send: a macaroon in hex, the preimage in a caveat.
 * Macaroons by npm `macaroon`.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  credentialText,
  LOCATION,
  NOW,
  OTHER_SECRET,
  PREIMAGE,
  packetOf,
  SECRET,
  thirdPartyPacket,
} from "../../../../test/fuzz/golden.ts";
import { TokenError } from "../errors.ts";
import { Authority } from "./authority.ts";
import { Credential } from "./credential.ts";
import { verify } from "./fixtures/verdict.ts";
import { formatMacaroonField, readMacaroonField } from "./macaroon-field.ts";

const CARRIED = `preimage=${PREIMAGE}`;
const terms = { salt: "a", caveats: ["valid_until=1767229200", CARRIED] };
const A = packetOf(terms).toString("hex");
const B = packetOf({ ...terms, salt: "b" }).toString("hex");

test.each<[string, string | null | undefined]>([
  ["no field", undefined],
  ["no field, as Headers has it", null],
  ["an empty field", ""],
  ["blanks", " \t "],
])("%s: none presented", (_what, field) => {
  expect(readMacaroonField(field)).toBeUndefined();
});

test.each<[string, string]>([
  ["lower case", A],
  ["upper case", A.toUpperCase()],
  ["mixed case", A.replaceAll("a", "A")],
  ["blanks and a tab around", ` \t${A} `],
  ["two lines that carry the same", `${A}, ${A}`],
  ["the same in two cases, joined without a blank", `${A},${A.toUpperCase()}`],
])("%s: presented, as the credential that it is", (_what, field) => {
  expect(readMacaroonField(field)).toBe(credentialText(terms));
});

test.each<[string, string, string]>([
  ["two different ones [case 8]", `${A}, ${B}`, "ERR_TOKEN_AMBIGUOUS"],
  ["the same twice and another [case 8]", `${A}, ${A}, ${B}`, "ERR_TOKEN_AMBIGUOUS"],
  ["one and a comma", `${A},`, "ERR_TOKEN_AMBIGUOUS"],
  ["one and nonsense", `${A}, nonsense`, "ERR_TOKEN_AMBIGUOUS"],
  ["a comma", ",", "ERR_TOKEN_MALFORMED"],
  ["a scheme", `L402 ${A}`, "ERR_TOKEN_MALFORMED"],
  ["base64", packetOf(terms).toString("base64"), "ERR_TOKEN_MALFORMED"],
  ["a credential", credentialText(terms), "ERR_TOKEN_MALFORMED"],
  ["an odd digit [case 4]", `${A}0`, "ERR_TOKEN_MALFORMED"],
  ["half a macaroon [case 1]", A.slice(0, 200), "ERR_TOKEN_MALFORMED"],
  ["a byte left over [case 2]", `${A}00`, "ERR_TOKEN_MALFORMED"],
  ["two macaroons in one [case 2]", A + A, "ERR_TOKEN_MALFORMED"],
  ["hex with a prefix", `0x${A}`, "ERR_TOKEN_MALFORMED"],
  ["a line feed [case 9]", `${A}\n`, "ERR_TOKEN_MALFORMED"],
  ["a folded line [case 9]", `${A.slice(0, 20)}\r\n ${A.slice(20)}`, "ERR_TOKEN_MALFORMED"],
  ["a NUL [case 9]", `${A}\0`, "ERR_TOKEN_MALFORMED"],
  ["a no-break space", `\u00a0${A}`, "ERR_TOKEN_MALFORMED"],
  ["no preimage", packetOf({ ...terms, caveats: [] }).toString("hex"), "ERR_TOKEN_MALFORMED"],
  [
    "an empty preimage",
    packetOf({ caveats: ["preimage="] }).toString("hex"),
    "ERR_TOKEN_MALFORMED",
  ],
  [
    "a short preimage",
    packetOf({ caveats: [CARRIED.slice(0, -1)] }).toString("hex"),
    "ERR_TOKEN_MALFORMED",
  ],
  [
    "a long preimage",
    packetOf({ caveats: [`${CARRIED}0`] }).toString("hex"),
    "ERR_TOKEN_MALFORMED",
  ],
  [
    "a preimage after a blank",
    packetOf({ caveats: [` ${CARRIED}`] }).toString("hex"),
    "ERR_TOKEN_MALFORMED",
  ],
  [
    "a third-party caveat [case 28]",
    thirdPartyPacket(terms).toString("hex"),
    "ERR_TOKEN_THIRD_PARTY",
  ],
  ["more digits than a macaroon has [case 7]", "02".repeat(6094), "ERR_TOKEN_TOO_LARGE"],
  ["a megabyte [case 7]", "02".repeat(1 << 19), "ERR_TOKEN_TOO_LARGE"],
  ["a megabyte of commas [case 7]", ",".repeat(1 << 20), "ERR_TOKEN_TOO_LARGE"],
])("%s: refused", (_what, field, code) => {
  expect(() => readMacaroonField(field)).toThrow(
    expect.objectContaining({ name: "TokenError", code }),
  );
});

test("a hostile field is measured before it is read [case 7]", () => {
  const atMost = "02".repeat(6093);
  expect(() => readMacaroonField(atMost)).toThrow(
    expect.objectContaining({ code: "ERR_TOKEN_MALFORMED" }),
  );
  expect(() => readMacaroonField(`${atMost}, ${atMost}`)).toThrow(
    expect.objectContaining({ code: "ERR_TOKEN_MALFORMED" }),
  );
});

describe("the preimage", () => {
  const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
  const access = { now: NOW, target: "self" } as const;
  const verdict = (caveats: readonly string[]) =>
    verify(authority, readMacaroonField(packetOf({ caveats }).toString("hex"))!, access);
  const other = `preimage=${"11".repeat(32)}`;

  test("proves the payment, in either case", () => {
    expect(verdict([CARRIED])).toMatchObject({ granted: true });
    expect(verdict([`preimage=${PREIMAGE.toUpperCase()}`])).toMatchObject({ granted: true });
    expect(verdict([CARRIED, CARRIED])).toMatchObject({ granted: true });
  });

  test("of another payment proves nothing", () => {
    expect(verdict([other])).toMatchObject({
      granted: false,
      error: { code: "ERR_TOKEN_PREIMAGE" },
    });
  });

  // aperture takes the last one: what a holder appends there replaces the proof.
  test("is the first one; a later one replaces nothing, and is judged [case 17]", () => {
    expect(verdict([other, CARRIED])).toMatchObject({
      granted: false,
      error: { code: "ERR_TOKEN_PREIMAGE" },
    });
    expect(verdict([CARRIED, other])).toMatchObject({
      granted: false,
      error: { code: "ERR_PREIMAGE_CAVEAT" },
    });
  });

  test("in a forged macaroon proves nothing", () => {
    const forged = packetOf({ secret: OTHER_SECRET, caveats: [CARRIED] }).toString("hex");
    expect(verify(authority, readMacaroonField(forged)!, access)).toMatchObject({ granted: false });
  });
});

describe("writing", () => {
  test("appends what npm macaroon would, and is read back", () => {
    const bare = Credential.parse(
      credentialText({ ...terms, caveats: ["valid_until=1767229200"] }),
    );
    expect(formatMacaroonField(bare)).toBe(A);
    expect(readMacaroonField(formatMacaroonField(bare))).toBe(credentialText(terms));
  });

  test("appends nothing where it is there", () => {
    expect(formatMacaroonField(Credential.parse(credentialText(terms)))).toBe(A);
  });
});

test("any field at all is a credential, nothing, or a TokenError without the field in it", () => {
  const unit = fc.constantFrom(
    A,
    B,
    A.toUpperCase(),
    A.slice(0, 40),
    PREIMAGE,
    ",",
    " ",
    "\t",
    "0",
    "f",
    "g",
    "\n",
    "é",
  );
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit, maxLength: 6 }), fc.string({ unit: "binary" })),
      (field) => {
        try {
          const text = readMacaroonField(field);
          if (text !== undefined)
            expect([A, B]).toContain(formatMacaroonField(Credential.parse(text)));
        } catch (error) {
          expect(error).toBeInstanceOf(TokenError);
          expect(JSON.stringify(error) + String(error)).not.toContain(PREIMAGE);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
