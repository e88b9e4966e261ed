/** One reading of a body: what is refused, and what an edit leaves alone. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json, Path } from "./edit.ts";
import { set } from "./edit.ts";
import { BodyError } from "./error.ts";
import { readJson } from "./json-body.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (made: Uint8Array): string => new TextDecoder().decode(made);
const codeOf = (body: Uint8Array): string => {
  try {
    readJson(body);
    return "read";
  } catch (error) {
    if (error instanceof BodyError) return error.code;
    throw error;
  }
};
const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

describe("a body with two readings, or none, is refused", () => {
  test.each([
    // RFC 8259, section 4: what happens with a name that is not unique is unpredictable.
    ["a key twice", '{"model":"a","model":"b"}', "duplicate_key"],
    ["a key twice, once escaped", '{"model":"a","\\u006dodel":"b"}', "duplicate_key"],
    ["a key twice below", '{"a":[{"b":{"c":1,"c":1}}]}', "duplicate_key"],
    ["a key twice around an object", '{"a":{"x":{}},"b":[],"a":1}', "duplicate_key"],
    ["an empty key twice", '{"":1,"":1}', "duplicate_key"],
    ["__proto__ twice", '{"__proto__":1,"__proto__":2}', "duplicate_key"],
    // Go's encoding/json matches names without regard to case.
    ["a root key in two cases", '{"model":"a","Model":"b"}', "duplicate_key"],
    ["a root key with the Kelvin sign", '{"k":1,"\u212a":1}', "duplicate_key"],
    ["a root key with the long s", '{"stream":false,"\u017ftream":true}', "duplicate_key"],
    ["65 levels", nested(65), "too_deep"],
    ["65 levels of objects", `${'{"a":'.repeat(65)}1${"}".repeat(65)}`, "too_deep"],
    ["a million levels", nested(1_000_000), "too_many_values"],
    ["a comment", '{"a":1 /* b */}', "not_json"],
    ["a line comment", '{"a":1} // b', "not_json"],
    ["a trailing comma", '{"a":1,}', "not_json"],
    ["a single quote", "{'a':1}", "not_json"],
    ["NaN", '{"a":NaN}', "not_json"],
    ["a leading zero", '{"a":01}', "not_json"],
    ["a no-break space between tokens", '{"a":\u00a01}', "not_json"],
    ["a byte order mark", '\ufeff{"a":1}', "not_json"],
    ["two values", "{}{}", "not_json"],
    ["nothing", "", "not_json"],
    ["a line break in a string", '{"a":"\n"}', "not_json"],
  ])("%s", (_name, body, code) => {
    expect(codeOf(bytes(body))).toBe(code);
  });

  test.each([
    ["a continuation byte alone", [0x22, 0x80, 0x22]],
    ["a surrogate in UTF-8", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["an overlong slash", [0x22, 0xc0, 0xaf, 0x22]],
    ["UTF-16", [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])("%s is not UTF-8", (_name, body) => {
    expect(codeOf(Uint8Array.from(body))).toBe("not_utf8");
  });

  test.each([
    ["64 levels", nested(64)],
    ["the same key in two objects", '{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}'],
    ["a key that is a value too", '{"a":"a","b":["a","a"]}'],
    ["two cases below the root", '{"a":{"id":1,"ID":2}}'],
    ["braces in a string", '{"a":"}{,:[","b":"\\""}'],
    ["a value that is no object", ' "x" '],
  ])("%s is read", (_name, body) => {
    expect(readJson(bytes(body)).value).toEqual(JSON.parse(body));
  });

  test("a refusal does not quote the body", () => {
    expect(() => readJson(bytes('{"key":"sk-secret", oops}'))).toThrow(
      /^The body is not JSON\. Send one JSON value and nothing else\.$/,
    );
  });
});

describe("an edit changes one value", () => {
  test.each<[string, string, Path, Json, string]>([
    ["a number", '{ "max_tokens" : 100 , "b":1}', ["max_tokens"], 7, '{ "max_tokens" : 7 , "b":1}'],
    ["a whole object", '{"a":{"b":[1,2]},"c":3}', ["a"], null, '{"a":null,"c":3}'],
    ["an item", '{"t":[{"x":1},{"x":2}]}', ["t", 1, "x"], 3, '{"t":[{"x":1},{"x":3}]}'],
    ["an escaped name", '{"\\u0061":1}', ["a"], 2, '{"\\u0061":2}'],
    ["a new last member", '{"a":1\n}', ["b"], true, '{"a":1,"b":true\n}'],
    ["a member of an empty object", "{ }", ["b"], "x", '{"b":"x" }'],
    ["what is missing on the way", '{"a":1}', ["s", "u"], true, '{"a":1,"s":{"u":true}}'],
    ["a member below", '{"s":{"o":false}}', ["s", "u"], true, '{"s":{"o":false,"u":true}}'],
    [
      "beside numbers that a double cannot hold",
      '{"seed":9007199254740993,"t":1.0,"e":1E5,"big":123456789012345678901234567890,"n":-0}',
      ["t"],
      2,
      '{"seed":9007199254740993,"t":2,"e":1E5,"big":123456789012345678901234567890,"n":-0}',
    ],
  ])("%s", (_name, body, path, value, expected) => {
    expect(text(readJson(bytes(body)).edited([set(path, value)]))).toBe(expected);
  });

  test("without edits the bytes are the same object", () => {
    const body = bytes('{"a":1}');
    expect(readJson(body).edited([])).toBe(body);
  });

  test.each<[string, string, Path]>([
    ["null", '{"s":null}', ["s", "u"]],
    ["a string", '{"s":"x"}', ["s", "u"]],
    ["an item that is missing", '{"s":[1]}', ["s", 1]],
    ["an array, by name", '{"s":[]}', ["s", "u"]],
    ["a root that is an array", "[1]", ["u"]],
  ])("a path through %s is refused", (_name, body, path) => {
    expect(() => readJson(bytes(body)).edited([set(path, 1)])).toThrow(BodyError);
  });
});

describe("laws of edits", () => {
  /** Any code points, none of which is a surrogate. */
  const name = fc.string({ unit: "binary" });
  const json = fc.jsonValue({ maxDepth: 3, stringUnit: "binary" });
  const object = fc.dictionary(name, json, { maxKeys: 6 }).filter((made) => {
    const keys = Object.keys(made).map((key) => key.toUpperCase().toLowerCase());
    return new Set(keys).size === keys.length;
  });
  /** Any spelling of a value: spaces, and characters as escapes. */
  const spelt = fc
    .tuple(object, fc.constantFrom(undefined, 1, "\t"), fc.boolean())
    .map(([value, indent, isEscaped]) => {
      const plain = JSON.stringify(value, null, indent);
      return isEscaped
        ? plain.replace(/[^\0-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)
        : plain;
    });
  type Branch = Record<string | number, unknown>;
  const isBranch = (value: unknown): value is Branch => typeof value === "object" && value !== null;

  /** A way through a value: existing members and items, and perhaps a new member at its end. */
  function wayThrough(value: unknown, picks: readonly number[], added: string | undefined): Path {
    const path: (string | number)[] = [];
    let at: unknown = value;
    for (const pick of picks) {
      if (!isBranch(at)) break;
      const names = Object.keys(at).filter((one) => one !== "__proto__");
      if (names.length === 0) break;
      const part = names[pick % names.length]!;
      path.push(Array.isArray(at) ? Number(part) : part);
      at = at[part];
    }
    const isObject = isBranch(at) && !Array.isArray(at);
    return added !== undefined && (isObject || path.length === 0) ? [...path, added] : path;
  }

  function edited(value: unknown, [part, ...rest]: Path, made: unknown): unknown {
    if (part === undefined) return made;
    const copy: Branch = Array.isArray(value)
      ? ([...value] as unknown as Branch)
      : { ...(value as Branch) };
    copy[part] = edited(copy[part], rest, made);
    return copy;
  }

  const change = fc
    .record({
      body: spelt,
      picks: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      added: fc.option(
        name.filter((made) => made !== "__proto__"),
        { nil: undefined },
      ),
      value: json,
    })
    .map(({ body, picks, added, value }) => {
      const before: unknown = JSON.parse(body);
      return { body, before, value: value as Json, path: wayThrough(before, picks, added) };
    })
    .filter(({ path }) => path.length > 0);

  test("parsing the edited bytes equals editing the parsed value", () => {
    fc.assert(
      fc.property(change, ({ body, before, path, value }) => {
        const after = JSON.parse(text(readJson(bytes(body)).edited([set(path, value)])));
        expect(after).toEqual(edited(before, path, JSON.parse(JSON.stringify(value))));
      }),
      { numRuns: 500 },
    );
  });

  test("several edits are the same as one after the other", () => {
    const few = fc.constantFrom("a", "b", "", '"');
    const several = fc.tuple(
      spelt,
      fc.array(fc.tuple(few, fc.option(few), json), { maxLength: 4 }),
    );
    fc.assert(
      fc.property(several, ([body, changes]) => {
        const edits = changes.map(([first, second, value]) =>
          set(second === null ? [first] : [first, second], value as Json),
        );
        let expected = body;
        try {
          for (const edit of edits) expected = text(readJson(bytes(expected)).edited([edit]));
        } catch (error) {
          // A path through a value without members, or a name in another case.
          expect(error).toBeInstanceOf(BodyError);
          return;
        }
        expect(text(readJson(bytes(body)).edited(edits))).toBe(expected);
      }),
      { numRuns: 300 },
    );
  });

  test("all bytes before and after the one value are the same", () => {
    fc.assert(
      fc.property(change, ({ body, path, value }) => {
        // A value that occurs nowhere else shows where the one value stands.
        const marker = "\u{1f58d}";
        fc.pre(!body.includes(marker) && !JSON.stringify(path).includes(marker));
        const read = readJson(bytes(body));
        const marked = text(read.edited([set(path, marker)])).split(`"${marker}"`);
        expect(marked).toHaveLength(2);
        const [head = "", tail = ""] = marked;
        expect(text(read.edited([set(path, value)]))).toBe(head + JSON.stringify(value) + tail);
        expect(body.endsWith(tail)).toBe(true);
        // Before the value of a new member is its name, and before that what was there.
        const isNew = !body.startsWith(head);
        const kept = body.slice(0, body.length - tail.length);
        if (isNew) {
          expect(head.startsWith(kept)).toBe(true);
          expect(head.slice(kept.length)).toMatch(/^,?".*":$/s);
        }
      }),
      { numRuns: 500 },
    );
  });
});

test.each(["x", "\\n", "é", "{[,"])("reads and edits 10 MiB of %j", (unit) => {
  const size = 5 * 1024 * 1024;
  const head = `{"a":"${unit.repeat(size / unit.length)}"${" ".repeat(size)},"max_tokens":`;
  const edited = readJson(bytes(`${head}1}`)).edited([set(["max_tokens"], 2)]);
  expect(Buffer.from(edited).equals(Buffer.from(`${head}2}`))).toBe(true);
});

test.each([
  ["empty lists", `[${"[],".repeat(300_000)}[]]`],
  ["numbers", `[${"1,".repeat(300_000)}1]`],
  ["objects", `[${"{},".repeat(200_000)}{}]`],
])("too many %s are refused before they are read", (_what, text) => {
  expect(() => readJson(bytes(text))).toThrow(
    expect.objectContaining({ code: "too_many_values", status: 400 }),
  );
});

test.each([
  ["a text of commas and brackets", JSON.stringify({ a: ",[{".repeat(1_000_000) })],
  ["a text with quotes", JSON.stringify({ a: '","'.repeat(300_000) })],
  ["a list of tokens", JSON.stringify({ input: Array.from({ length: 200_000 }, () => 7) })],
])("%s is read", (_what, text) => {
  expect(readJson(bytes(text)).value).toEqual(JSON.parse(text));
});
