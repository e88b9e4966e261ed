/**
 * The reader of authentication fields: tables from RFC 9110 §11.6.1 and from what servers in the
 * field send.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readChallenges } from "./header.ts";

const item = (scheme: string, parameters: [string, string][] = [], token68?: string) =>
  token68 === undefined ? { scheme, parameters } : { scheme, parameters, token68 };

describe("reading", () => {
  test.each([
    ["", []],
    [" , ,\t,", []],
    ["Basic", [item("basic")]],
    ['Basic realm="simple"', [item("basic", [["realm", "simple"]])]],
    // RFC 9110 §11.6.1's own example.
    [
      'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
      [
        item("basic", [["realm", "simple"]]),
        item("newauth", [
          ["realm", "apps"],
          ["type", "1"],
          ["title", 'Login to "apps"'],
        ]),
      ],
    ],
    [
      'L402 a="1" b="2"',
      [
        item("l402", [
          ["a", "1"],
          ["b", "2"],
        ]),
      ],
    ],
    [
      'L402 a="1",b="2",,c=3',
      [
        item("l402", [
          ["a", "1"],
          ["b", "2"],
          ["c", "3"],
        ]),
      ],
    ],
    [
      'L402 A="1", a="2"',
      [
        item("l402", [
          ["a", "1"],
          ["a", "2"],
        ]),
      ],
    ],
    [
      'L402 a = 1, b\t=\t"2"',
      [
        item("l402", [
          ["a", "1"],
          ["b", "2"],
        ]),
      ],
    ],
    ["L402 macaroon=AgE+/w==", [item("l402", [["macaroon", "AgE+/w=="]])]],
    ["Negotiate", [item("negotiate")]],
    ["Negotiate YII==", [item("negotiate", [], "YII==")]],
    ['Negotiate YII==, L402 a="1"', [item("negotiate", [], "YII=="), item("l402", [["a", "1"]])]],
    [
      'Negotiate, Bearer, L402 a="1"',
      [item("negotiate"), item("bearer"), item("l402", [["a", "1"]])],
    ],
    ['L402 a="x, L402 b=y"', [item("l402", [["a", "x, L402 b=y"]])]],
    [
      'L402 a="\\\\", b=1',
      [
        item("l402", [
          ["a", "\\"],
          ["b", "1"],
        ]),
      ],
    ],
    ['L402 a=""', [item("l402", [["a", ""]])]],
  ])("%s", (text, items) => {
    expect(readChallenges(text)).toEqual(items);
  });

  test.each([
    ["a quote that never closes", 'L402 a="1'],
    ["a quote that an escape keeps open", 'L402 a="1\\"'],
    ["a backslash at the end", 'L402 a="1\\'],
    ["a parameter before any scheme", 'a="1", L402 b="2"'],
    ["an equals sign alone", "="],
    ["a value that is missing", 'L402 a="1", b='],
    ["a value that is a comma", 'L402 a="1", b=, c=1'],
    ["text behind a quoted value", 'L402 a="1"; b="2"'],
    ["a quoted scheme", '"L402" a="1"'],
    ["a line feed between parameters [case 9]", 'L402 a="1",\nb="2"'],
  ])("%s breaks its item", (_what, text) => {
    expect(readChallenges(text)[0]).toMatchObject({ isBroken: true });
  });

  const good = item("l402", [["a", "1"]]);
  test.each([
    ["characters outside of ASCII", 'Basic realm="Müller"', [item("basic", [["realm", "Müller"]])]],
    [
      "a semicolon and JSON",
      'Payment id=a;b, request={"a":1}',
      [{ ...item("payment", [["id", "a"]]), isBroken: true }],
    ],
    [
      "JSON with our scheme in quotes",
      'Payment request={"a":"x, L402 a=2"}',
      [{ ...item("payment", [["request", "{"]]), isBroken: true }],
    ],
    ["a value that is missing", "Payment id=; b", [{ ...item("payment"), isBroken: true }]],
  ])("another item is read although one has %s", (_what, other, read) => {
    expect(readChallenges(`${other}, L402 a="1"`)).toEqual([...read, good]);
    expect(readChallenges(`L402 a="1", Other x=1, ${other}`).slice(0, 2)).toEqual([
      good,
      item("other", [["x", "1"]]),
    ]);
  });

  test("an item is read behind what has no scheme", () => {
    expect(readChallenges('realm="x"; y, L402 a="1"')).toEqual([
      { ...item(""), isBroken: true },
      good,
    ]);
  });

  test("a quote that stays open hides what follows it", () => {
    expect(readChallenges('Payment a=;b="x", c="y, L402 a=1').map(({ scheme }) => scheme)).toEqual([
      "payment",
    ]);
  });

  test("whatever is read writes back to the same items", () => {
    const token = fc.string({
      unit: fc.constantFrom(..."abcXYZ012!#$%&'*+.^_`|~-"),
      minLength: 1,
      maxLength: 6,
    });
    const value = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    });
    const items = fc.array(
      fc.tuple(
        token,
        fc.array(fc.tuple(token, value), { minLength: 1, maxLength: 4 }),
        fc.constantFrom(", ", " ", ","),
      ),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(items, (given) => {
        const quote = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;
        const text = given
          .map(
            ([scheme, pairs, comma]) =>
              `${scheme} ${pairs.map(([name, said]) => `${name}=${quote(said)}`).join(comma)}`,
          )
          .join(", ");
        expect(readChallenges(text)).toEqual(
          given.map(([scheme, pairs]) => ({
            scheme: scheme.toLowerCase(),
            parameters: pairs.map(([name, said]) => [name.toLowerCase(), said]),
          })),
        );
      }),
      { numRuns: 400 },
    );
  });

  test("no text makes the reader throw", () => {
    const unit = fc.constantFrom(...'aA=,;:" \t\\/~', "L402", "macaroon=", '"', "\n", "é");
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit, maxLength: 40 }), fc.string({ unit: "binary" })),
        (text) => {
          expect(Array.isArray(readChallenges(text))).toBe(true);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("linear work, counted in the pattern steps and characters that the reader asks for [cases 10, 115]", () => {
  /** How often a pattern is tried, and how many characters the tries took, in all. */
  function work(text: string): number {
    let steps = 0;
    const { exec } = RegExp.prototype;
    // Not a spy: a spy remembers every call, and a reader that is not linear would end in its
    // memory.
    RegExp.prototype.exec = function (subject) {
      const match = exec.call(this, subject);
      steps += 1 + (match?.[0].length ?? 0);
      if (steps > 1_000_000) throw new Error("more than a million steps");
      return match;
    };
    try {
      readChallenges(text);
    } finally {
      RegExp.prototype.exec = exec;
    }
    return steps;
  }

  const lengths = [1024, 2048, 32_768];
  test.each([
    ["quotes", () => '"'],
    ["backslashes", () => "\\"],
    ["quotes in a value", (at: number) => (at === 0 ? 'L402 a="' : '\\"')],
    ["backslashes in a value", (at: number) => (at === 0 ? 'L402 a="' : "\\\\")],
    ["empty values", (at: number) => (at === 0 ? "L402 " : 'a="" ')],
    ["commas", () => ","],
    ["blanks", () => " "],
    ["blanks after a name", (at: number) => (at === 0 ? "L402" : " ")],
    ["tabs before an equals sign", (at: number) => (at === 0 ? "L402 a" : "\t")],
    ["schemes", () => "L402 "],
    ["schemes with commas", () => "a,"],
    ["one long name", () => "a"],
    ["one long ticket", (at: number) => (at === 0 ? "a " : "/")],
    ["a ticket that is none", () => "b=="],
    ["slashes and names", () => "a/"],
    ["equals signs", () => "="],
    ["names and equals signs", () => "a= "],
    ["spaced names", () => "a  =  b  "],
    ["unclosed quotes", () => 'a="b" c="'],
    ["items that cannot be read", () => "L402 a=;, "],
    ["quotes in items that cannot be read", () => 'a;"x", b '],
    ["commas in an item that cannot be read", (at: number) => (at === 0 ? "a;" : ",b")],
    ["schemes without a value", (at: number) => (at === 0 ? "a;" : ",b b")],
    ["open quotes in items that cannot be read", () => 'L402 a="x";\\", L402 '],
  ])("%s", (_what, unit) => {
    const fill = (length: number) => {
      let text = "";
      for (let at = 0; text.length < length; at++) text += unit(at);
      return text.slice(0, length);
    };
    const [small, double, large] = lengths.map((length) => work(fill(length)));
    expect(double!).toBeLessThanOrEqual(2 * small! + 64);
    expect(large!).toBeLessThanOrEqual(6 * 32_768);
  });
});
