/**
 * Reading challenges from hostile and merely odd servers: select by policy, never by position.
 * [cases 9, 10, 11]
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import vectors from "../../../../spec/vectors/macaroons.json" with { type: "json" };
import { packetOf, thirdPartyPacket } from "../../../../test/fuzz/golden.ts";
import { ChallengeError } from "../errors.ts";
import { Macaroon } from "../macaroon/index.ts";
import { Challenge, isLsatAlone } from "./challenge.ts";

const M = packetOf().toString("base64");
const OTHER = packetOf({ salt: "other" }).toString("base64");
const P = "lnbcrt1paid";
const Q = "lnbcrt1other";
const loop = vectors.l402[1]!;

const macaroonOf = (header: string | string[]) => {
  const { macaroon, invoice } = Challenge.parse(header);
  return [Buffer.from(Macaroon.encode(macaroon)).toString("base64"), invoice];
};
const refusal = (code: string) =>
  expect.objectContaining({ name: "ChallengeError", code, spent: "no" });
const malformed = refusal("ERR_CHALLENGE_MALFORMED");
const missing = refusal("ERR_CHALLENGE_MISSING");

describe("one challenge, in the spellings of the field", () => {
  test.each<[string, string | string[]]>([
    ["as the L402 specification writes it", `L402 version="0", token="${M}", invoice="${P}"`],
    [
      "as aperture writes it, two lines",
      [`LSAT macaroon="${M}", invoice="${P}"`, `L402 macaroon="${M}", invoice="${P}"`],
    ],
    [
      "as aperture writes it, folded by fetch",
      `LSAT macaroon="${M}", invoice="${P}", L402 macaroon="${M}", invoice="${P}"`,
    ],
    ["LSAT alone", `LSAT macaroon="${M}", invoice="${P}"`],
    ["token= alone", `L402 token="${M}", invoice="${P}"`],
    ["token= and macaroon= that agree", `L402 token="${M}", macaroon="${M}", invoice="${P}"`],
    ["any order", `L402 invoice="${P}", version="0", macaroon="${M}"`],
    ["no commas", `L402 macaroon="${M}" invoice="${P}"`],
    ["no blanks", `L402 macaroon="${M}",invoice="${P}"`],
    ["blanks around the equals signs", `L402 macaroon = "${M}", invoice = "${P}"`],
    ["no quotes", `L402 macaroon=${M}, invoice=${P}`],
    ["upper-case names", `L402 MACAROON="${M}", Invoice="${P}"`],
    ["a lower-case scheme", `l402 macaroon="${M}", invoice="${P}"`],
    [
      "unknown parameters",
      `L402 realm="x", macaroon="${M}", price="12, 13", invoice="${P}", expires=soon`,
    ],
    [
      "duplicates that agree",
      `L402 macaroon="${M}", macaroon="${M}", invoice="${P}", invoice="${P}"`,
    ],
    [
      "the same challenge twice",
      `L402 macaroon="${M}", invoice="${P}", L402 invoice="${P}", macaroon="${M}"`,
    ],
    [
      "the same, URL-safe the second time",
      [
        `L402 macaroon="${M}", invoice="${P}"`,
        `L402 macaroon="${Buffer.from(M, "base64").toString("base64url")}", invoice="${P}"`,
      ],
    ],
    ["needless escapes", `L402 macaroon="\\${M}", invoice="\\l${P.slice(1)}"`],
    [
      "L402 goes before LSAT, wherever it stands",
      `L402 macaroon="${M}", invoice="${P}", LSAT macaroon="${OTHER}", invoice="${Q}"`,
    ],
    [
      "L402 goes before LSAT, standing second",
      `LSAT macaroon="${OTHER}", invoice="${Q}", L402 macaroon="${M}", invoice="${P}"`,
    ],
    [
      "a version that is not ours beside ours",
      `L402 version="1", token="x", invoice="y", L402 version="0", token="${M}", invoice="${P}"`,
    ],
    ["a bare scheme beside it", `L402, L402 macaroon="${M}", invoice="${P}"`],
    ["tabs and commas", `\t,, L402\tmacaroon="${M}" ,\t, invoice="${P}",,`],
  ])("%s", (_what, header) => {
    expect(macaroonOf(header)).toEqual([M, P]);
  });

  test("the published L402 macaroon", () => {
    const { macaroon, identifier, invoice, enforced } = Challenge.parse(
      `L402 macaroon="${loop.v2_b64}", invoice="${P}"`,
    );
    expect(identifier.paymentHash).toBe(loop.payment_hash);
    expect(macaroon.caveats.map((caveat) => Buffer.from(caveat).toString())).toEqual(loop.caveats);
    expect([invoice, enforced]).toEqual([P, undefined]);
  });

  test.each<[string, string[]]>([
    ["endpoints valid_until", ["endpoints", "valid_until"]],
    ["endpoints,valid_until", ["endpoints", "valid_until"]],
    [" endpoints ,  valid_until ", ["endpoints", "valid_until"]],
    ["", []],
  ])("caveats=%j are the conditions that it enforces", (text, names) => {
    expect(
      Challenge.parse(`L402 macaroon="${M}", invoice="${P}", caveats="${text}"`).enforced,
    ).toEqual(names);
  });
});

describe("several schemes [case 11]", () => {
  const schemes = [
    `L402 macaroon="${M}", invoice="${P}"`,
    `LSAT macaroon="${OTHER}", invoice="${Q}"`,
    'Basic realm="L402 macaroon=\\"x\\", invoice=\\"y\\""',
    'Payment method="x402", macaroon="AAAA", invoice="lnbc1evil"',
    "Negotiate YII==",
    "Bearer",
    'DPoP algs="ES256 L402"',
  ];
  function* permutations(items: readonly string[]): Generator<string[]> {
    if (items.length === 0) yield [];
    for (const [at, first] of items.entries())
      for (const rest of permutations(items.toSpliced(at, 1))) yield [first, ...rest];
  }

  test("every order, as lines and folded into one: the same L402 challenge", () => {
    let count = 0;
    for (const order of permutations(schemes)) {
      count++;
      expect(macaroonOf(order)).toEqual([M, P]);
      if (count % 16 === 0) expect(macaroonOf(order.join(","))).toEqual([M, P]);
    }
    expect(count).toBe(5040);
  });

  test("without L402, LSAT; without both, none: no parameters of another scheme are taken", () => {
    expect(macaroonOf(schemes.slice(1))).toEqual([OTHER, Q]);
    expect(() => Challenge.parse(schemes.slice(2))).toThrow(missing);
  });
});

describe("another scheme that cannot be read spoils nothing", () => {
  const sound = `L402 macaroon="${M}", invoice="${P}"`;
  const others = [
    'Basic realm="Müller"',
    'Payment id=a;b, request={"a":1}',
    "Payment id=",
    'X402 {"accepts":[{"scheme":"exact"}]}',
    'realm="no scheme"',
    "=",
    ";",
  ];
  test.each(others)("%s", (other) => {
    for (const header of [
      [other, sound],
      [sound, other],
      `${other}, ${sound}`,
      `${other}, Basic realm="x", ${sound}`,
    ])
      expect(macaroonOf(header)).toEqual([M, P]);
    expect(macaroonOf(`${sound}, Basic realm="x", ${other}`)).toEqual([M, P]);
    expect(() => Challenge.parse([other])).toThrow(missing);
  });

  test("a line that leaves its quote open spoils no other line", () => {
    expect(macaroonOf(['Basic realm="x', sound])).toEqual([M, P]);
    expect(macaroonOf([sound, 'Basic realm="x'])).toEqual([M, P]);
  });
});

describe("tokens of other servers are kept as text", () => {
  const H = "ab".repeat(32);
  const v2 = (identifier: Uint8Array) =>
    Buffer.from(Macaroon.encode(Macaroon.mint({ rootKey: new Uint8Array(32), identifier })));
  const bytes = (hex: string) => Buffer.from(hex, "hex");
  test.each<[string, string]>([
    ["a V1 macaroon", vectors.tampered.v1_b64],
    ["an identifier that is the hash", v2(bytes(H)).toString("base64")],
    ["ff and the hash", v2(bytes(`ff${H}`)).toString("base64")],
    ["our identifier in hex", v2(Buffer.from(`0000${H}${H}`)).toString("base64")],
    ["an identifier of another version", v2(bytes(`0001${H}${H}`)).toString("base64")],
    ["a macaroon in hex", packetOf().toString("hex")],
    ["a signed JSON", "eyJwIjoxfQ.c2lnbmF0dXJl"],
    ["an opaque text", "tok_live-1:2~3"],
    ["a list", `${M},${OTHER}`],
  ])("%s", (_what, text) => {
    for (const name of ["token", "macaroon"])
      expect(
        Challenge.offers(`L402 ${name}="${text}", invoice="${P}", caveats="endpoints"`),
      ).toEqual([{ token: { form: "opaque", text }, invoice: P, enforced: undefined }]);
    expect(() => Challenge.parse(`L402 token="${text}", invoice="${P}"`)).toThrow(malformed);
  });

  test.each([
    ["URL-safe", (macaroon: string) => Buffer.from(macaroon, "base64").toString("base64url")],
    ["without padding", (macaroon: string) => macaroon.replace(/=+$/, "")],
  ])("a macaroon of page 1 that its server spells in another way is a text: %s", (_, spelt) => {
    // Its server may compare the text. The location leaves something to pad.
    const macaroon = packetOf({ location: "https://a.example/??" }).toString("base64");
    const text = spelt(macaroon);
    expect(text).not.toBe(macaroon);
    expect(Challenge.offers(`L402 token="${text}", invoice="${P}"`)).toMatchObject([
      { token: { form: "opaque", text } },
    ]);
    expect(Challenge.offers(`L402 token="${macaroon}", invoice="${P}"`)).toMatchObject([
      { token: { form: "macaroon", text: macaroon } },
    ]);
  });

  test.each<[string, string]>([
    ["a third-party caveat [case 28]", thirdPartyPacket({ location: "" }).toString("base64")],
    [
      "a payment hash of zeros [case 6]",
      packetOf({ paymentHash: "0".repeat(64) }).toString("base64"),
    ],
    ["a blank", "a b"],
    ["a letter outside ASCII", "tökén"],
    ["a line feed [case 9]", "a\nb"],
    ["more than 8,192 characters [case 7]", "x".repeat(8193)],
  ])("%s is refused", (_what, text) => {
    expect(() => Challenge.offers(`L402 token="${text}", invoice="${P}"`)).toThrow(malformed);
  });
});

describe("several offers", () => {
  const two = `L402 macaroon="${M}", invoice="${P}", L402 token="${OTHER}", invoice="${Q}"`;

  test("each different one is read, in order", () => {
    expect(Challenge.offers(two).map(({ invoice }) => invoice)).toEqual([P, Q]);
    expect(Challenge.offers(`${two}, ${two}`)).toHaveLength(2);
    expect(Challenge.offers(`${two}, LSAT macaroon="${M}", invoice="lnbc1third"`)).toHaveLength(2);
  });

  test("one that cannot be read is no reason to take another", () => {
    expect(() => Challenge.offers(`${two}, L402 token="x"`)).toThrow("lacks an invoice");
    expect(() => Challenge.offers(`${two}, L402 invoice="x"`)).toThrow("lacks a macaroon or a");
    expect(() => Challenge.offers([two, 'L402 token="x'])).toThrow("cannot be read");
  });

  test("more than 8 are refused", () => {
    const offers = (count: number) =>
      Array.from({ length: count }, (_, at) => `L402 token="${at}", invoice="${P}"`);
    expect(Challenge.offers(offers(8))).toHaveLength(8);
    expect(() => Challenge.offers(offers(9))).toThrow(malformed);
  });
});

describe("nothing to pay", () => {
  test.each<[string, string | string[] | null | undefined]>([
    ["no field", undefined],
    ["no field, as Headers has it", null],
    ["no lines", []],
    ["an empty field", ""],
    ["another scheme", 'Basic realm="x"'],
    ["our scheme's name in a quoted text", 'Basic realm="L402 macaroon=AAAA, invoice=lnbc1"'],
    ["the scheme alone", "L402"],
    ["a scheme without our parameters, as a 401 may be", 'L402 realm="x"'],
    ["a version that is not ours", `L402 version="1", token="${M}", invoice="${P}"`],
    [
      "a version that is ours with a zero in front",
      `L402 version="00", token="${M}", invoice="${P}"`,
    ],
    ["a scheme that begins like ours", `L402x macaroon="${M}", invoice="${P}"`],
  ])("%s", (_what, header) => {
    expect(() => Challenge.parse(header)).toThrow(missing);
  });
});

describe("what must not be paid [case 10]", () => {
  test.each<[string, string | string[]]>([
    ["two different macaroons", `L402 macaroon="${M}", macaroon="${OTHER}", invoice="${P}"`],
    [
      "two different macaroons, in two cases",
      `L402 macaroon="${M}", MACAROON="${OTHER}", invoice="${P}"`,
    ],
    ["token= and macaroon= that differ", `L402 macaroon="${M}", token="${OTHER}", invoice="${P}"`],
    ["two different tokens", `L402 token="${M}", token="${OTHER}", invoice="${P}"`],
    ["two different invoices", `L402 macaroon="${M}", invoice="${P}", invoice="${Q}"`],
    ["two different versions", `L402 macaroon="${M}", invoice="${P}", version="0", version="1"`],
    [
      "two different challenges",
      `L402 macaroon="${M}", invoice="${P}", L402 macaroon="${OTHER}", invoice="${P}"`,
    ],
    [
      "two invoices for one macaroon",
      [`L402 macaroon="${M}", invoice="${P}"`, `L402 macaroon="${M}", invoice="${Q}"`],
    ],
    [
      "two different LSATs",
      [`LSAT macaroon="${M}", invoice="${P}"`, `LSAT macaroon="${OTHER}", invoice="${P}"`],
    ],
    ["an unclosed quote", `L402 macaroon="${M}, invoice="${P}"`],
    ["an unclosed quote at the end", `L402 macaroon="${M}", invoice="${P}`],
    ["a quote that an escape keeps open", `L402 macaroon="${M}", invoice="${P}\\"`],
    [
      "a line of another scheme that leaves its quote open, folded into one",
      `Basic realm="x, L402 macaroon="${M}", invoice="${P}"`,
    ],
    ["a semicolon for a comma", `L402 macaroon="${M}"; invoice="${P}"`],
    ["no macaroon", `L402 invoice="${P}"`],
    ["an empty macaroon", `L402 macaroon="", invoice="${P}"`],
    ["no invoice", `L402 macaroon="${M}"`],
    ["an empty invoice", `L402 macaroon="${M}", invoice=""`],
    [
      "a broken one beside a good LSAT",
      [`L402 macaroon="${M}"`, `LSAT macaroon="${M}", invoice="${P}"`],
    ],
    ["junk in the base64", `L402 macaroon="${M.slice(0, 8)} ${M.slice(8)}", invoice="${P}"`],
    ["a comma in the base64", `L402 macaroon="${M.slice(0, 8)},${M.slice(8)}", invoice="${P}"`],
    [
      "a macaroon in hex",
      `L402 macaroon="${Buffer.from(M, "base64").toString("hex")}", invoice="${P}"`,
    ],
    ["a whole credential for a macaroon", `L402 macaroon="${M}:${"0".repeat(64)}", invoice="${P}"`],
    [
      "two macaroons in one",
      `L402 macaroon="${Buffer.concat([packetOf(), packetOf()]).toString("base64")}", invoice="${P}"`,
    ],
    ["a V1 macaroon", `L402 macaroon="${vectors.tampered.v1_b64}", invoice="${P}"`],
    [
      "aperture's dummy macaroon, whose identifier names no payment",
      `L402 macaroon="${vectors.l402[0]!.v2_b64}", invoice="${P}"`,
    ],
    [
      "a payment hash of zeros [case 6]",
      `L402 macaroon="${packetOf({ paymentHash: "0".repeat(64) }).toString("base64")}", invoice="${P}"`,
    ],
    ["a third-party caveat [case 28]", `L402 macaroon="${thirdParty()}", invoice="${P}"`],
    [
      "a line feed in the macaroon [case 9]",
      `L402 macaroon="${M.slice(0, 8)}\n${M.slice(8)}", invoice="${P}"`,
    ],
    [
      "a header behind the invoice [case 9]",
      `L402 macaroon="${M}", invoice="${P}\r\nSet-Cookie: x"`,
    ],
    ["a NUL [case 9]", `L402 macaroon="${M}", invoice="${P}\0"`],
    [
      "more than 32,768 characters [case 7]",
      `L402 macaroon="${M}", invoice="${P}", x="${"y".repeat(32_768)}"`,
    ],
    [
      "a megabyte of lines [case 7]",
      new Array(20_000).fill(`L402 macaroon="${M}", invoice="${P}"`),
    ],
    ["32 KiB of quotes", `L402 a=${'"'.repeat(32_000)}`],
    ["32 KiB of backslashes", `L402 a="${"\\".repeat(32_000)}`],
  ])("%s", (_what, header) => {
    expect(() => Challenge.parse(header)).toThrow(malformed);
  });

  function thirdParty(): string {
    return thirdPartyPacket({ location: "" }).toString("base64");
  }

  test("any field at all is one challenge or a ChallengeError, and the message repeats none of it", () => {
    const unit = fc.constantFrom(
      "L402 ",
      "LSAT ",
      "Basic ",
      `macaroon="${M}"`,
      `invoice="${P}"`,
      `token=${M}`,
      'caveats="x"',
      'version="0"',
      ", ",
      " ",
      '"',
      "\\",
      "=",
      "a",
      "\n",
      `macaroon="${OTHER}"`,
    );
    let parsed = 0;
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 8 }), (units) => {
        const header = units.join("");
        try {
          const [macaroon, invoice] = macaroonOf(header);
          parsed++;
          expect(header).toContain(macaroon);
          expect(header).toContain(invoice);
        } catch (error) {
          expect(error).toBeInstanceOf(ChallengeError);
          expect((error as Error).message).not.toContain(M);
          expect((error as Error).message).not.toContain(P);
        }
      }),
      { numRuns: 4000 },
    );
    expect(parsed).toBeGreaterThan(0);
  });
});

describe("writing", () => {
  const challenge = Challenge.parse(`L402 macaroon="${M}", invoice="${P}"`);

  test("two lines, in the order that the reference clients' patterns expect", () => {
    expect(Challenge.format({ ...challenge, enforced: ["endpoints", "valid_until"] })).toEqual([
      `LSAT macaroon="${M}", invoice="${P}"`,
      `L402 macaroon="${M}", invoice="${P}", version="0", token="${M}", caveats="endpoints valid_until"`,
    ]);
    // lnget's and aperture's own pattern.
    const pattern = /^(LSAT|L402) macaroon="(.*?)", invoice="(.*?)"/;
    for (const line of Challenge.format(challenge))
      expect(pattern.exec(line)!.slice(2)).toEqual([M, P]);
  });

  test.each([
    ["all", 0, ["LSAT", "L402"], true, true],
    ["without `token`", 500, ["LSAT", "L402"], false, true],
    ["without the `LSAT` line", 1000, ["L402"], false, true],
    ["without `caveats`", 1800, ["L402"], false, false],
  ] as const)(
    "fits in a head of 4 KiB: %s, with %i characters more",
    (_, length, schemes, token, list) => {
      const enforced = Array.from({ length: 40 }, (_, at) => `condition_${at}`);
      let { macaroon } = challenge;
      for (let left = length; left > 0; left -= 900)
        macaroon = Macaroon.attenuate(macaroon, `purpose=${"a".repeat(Math.min(left, 900))}`);
      const long = { ...challenge, macaroon, enforced };
      const lines = Challenge.format(long);
      expect(lines.map((line) => line.split(" ")[0])).toEqual(schemes);
      expect(lines.at(-1)!.includes("token=")).toBe(token);
      expect(lines.join("").length).toBeLessThanOrEqual(3072);
      const told = list ? enforced : undefined;
      expect(Challenge.parse(lines)).toEqual({ ...long, enforced: told });
    },
  );

  test("what is written is read back, as lines and folded", () => {
    for (const enforced of [undefined, [], ["endpoints"]]) {
      const lines = Challenge.format({ ...challenge, enforced });
      expect(Challenge.parse(lines)).toEqual({ ...challenge, enforced });
      expect(Challenge.parse(lines.join(", "))).toEqual({ ...challenge, enforced });
    }
  });

  test("nothing that could break out of its quotes or its line is written [case 9]", () => {
    const evil = [
      '"',
      '", invoice="lnbc1evil',
      "\r\nSet-Cookie: x",
      "\n",
      "\0",
      "é",
      "a b",
      "a,b",
      "\\",
      "",
    ];
    for (const text of evil) {
      expect(() => Challenge.format({ ...challenge, invoice: `${text}` })).toThrow(TypeError);
      expect(() => Challenge.format({ ...challenge, enforced: ["endpoints", text] })).toThrow(
        TypeError,
      );
    }
    const odd = {
      ...challenge,
      macaroon: Macaroon.attenuate(challenge.macaroon, 'purpose="\r\nX: y"\0ü'),
    };
    for (const line of Challenge.format(odd)) expect(line).toMatch(/^[\x21-\x7e ]*$/);
  });

  test("conditions that a hostile service says it enforces are read as words and never written further", () => {
    const read = Challenge.parse(
      `L402 macaroon="${M}", invoice="${P}", caveats="a\\" b=\\"c endpoints"`,
    );
    expect(read.enforced).toContain("endpoints");
    expect(() => Challenge.format(read)).toThrow(TypeError);
  });
});

test.each<[string | null, boolean]>([
  ['LSAT macaroon="M", invoice="P"', true],
  ['lsat macaroon="M", invoice="P", Basic realm="x"', true],
  ['LSAT macaroon="M", invoice="P", L402 macaroon="M", invoice="P"', false],
  ['l402 version="0", LSAT macaroon="M", invoice="P"', false],
  ['L402 macaroon="M", invoice="P"', false],
  ['Basic realm="LSAT"', false],
  ['LSAT macaroon="M', false],
  ["", false],
  [null, false],
])("%s asks for LSAT alone: %s", (header, alone) => {
  expect(isLsatAlone(header)).toBe(alone);
});

test("what is too long to be read asks for nothing [case 79]", () => {
  expect(isLsatAlone(`LSAT realm="${"x".repeat(32_000)}"`)).toBe(true);
  expect(isLsatAlone(`LSAT realm="${"x".repeat(33_000)}"`)).toBe(false);
});
