import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { unescaped } from "../credential/escapes.ts";
import { Hider } from "./hide.ts";
import { Secret } from "./secret.ts";

const KEY = "sk-vendor-sk-vendor-CANARY/+0123";
const FORMS = [KEY, btoa(`${KEY}:`), btoa(KEY).replace(/=+$/, ""), encodeURIComponent(KEY)];

const hex = (char: string) => char.charCodeAt(0).toString(16).padStart(2, "0");
const url = (text: string) => text.replaceAll("+", "-").replaceAll("/", "_");
/** How a vendor may write the text of a key. */
const WRITTEN: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "percent-encoded where it must be": encodeURIComponent,
  "percent-encoded": (text) => text.replace(/./g, (char) => `%${hex(char)}`),
  "with a hyphen that is percent-encoded": (text) => text.replaceAll("-", "%2D"),
  "with a hyphen that JSON escapes": (text) => text.replaceAll("-", "\\u002d"),
  "with every second character that JSON escapes": (text) =>
    text.replace(/(.)(.)/g, (_, one, other) => `\\u00${hex(one).toUpperCase()}${other}`),
  "with slashes as PHP writes them": (text) => text.replaceAll("/", "\\/"),
  "in escapes of JavaScript": (text) => text.replace(/./g, (char) => `\\x${hex(char)}`),
  "in numbers of HTML": (text) => text.replace(/\W/g, (char) => `&#${char.charCodeAt(0)};`),
  "in hexadecimal numbers of HTML": (text) => text.replace(/./g, (char) => `&#x00${hex(char)};`),
};

const shownOf = (parts: readonly Buffer[]): Buffer => {
  const hider = new Hider(new Secret(KEY));
  return Buffer.concat([...parts.map((part) => Buffer.from(hider.part(part))), hider.rest()]);
};

/** The bytes in parts that end at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length];
  ends.sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

test("no form of a key is in what is shown, however it was cut, and all else stays in its place", () => {
  const piece = fc.oneof(
    fc.constantFrom(...FORMS),
    // What begins like a key, and is none.
    fc.nat(KEY.length - 1).map((length) => KEY.slice(0, length)),
    fc.string({ maxLength: 12 }),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.array(fc.nat(400), { maxLength: 12 }),
      (pieces, places) => {
        const text = pieces.join("");
        const bytes = Buffer.from(text);
        const shown = shownOf(cut(bytes, places));
        for (const form of FORMS) expect(shown.includes(form)).toBe(false);
        expect(shown.length).toBe(bytes.length);
        // Only bytes of a key became stars.
        for (let at = 0; at < bytes.length; at++)
          if (shown[at] !== bytes[at]) expect(shown[at]).toBe(0x2a);
        if (!FORMS.some((form) => text.includes(form))) expect(shown.equals(bytes)).toBe(true);
      },
    ),
    { numRuns: 2_000, seed: 15 },
  );
});

test("nothing is held back of a part whose end begins no key", () => {
  const hider = new Hider(new Secret(KEY));
  const part = Buffer.from('data: {"x":1}\n\n');
  // The very same bytes: nothing is copied for an answer without a key.
  expect(hider.part(part)).toBe(part);
  expect(Buffer.from(hider.part(Buffer.from("ends with sk-"))).toString()).toBe("ends with ");
  expect(Buffer.from(hider.part(Buffer.from("other"))).toString()).toBe("sk-other");
  expect(hider.rest().length).toBe(0);
});

test("header fields hide it too", () => {
  const hider = new Hider(new Secret(KEY));
  expect(hider.fields(["x-debug", `Bearer ${KEY}`, "x-fine", "yes"])).toEqual([
    ...["x-debug", `Bearer ${"*".repeat(KEY.length)}`, "x-fine", "yes"],
  ]);
});

/** What a text says once its escapes and base64 are read, to look for the key in. */
const READ = [
  KEY,
  ...["", "a", "ab"].map((before) => {
    const digits = btoa(`${before}${KEY}`).replace(/=+$/, "");
    return digits.slice(before.length === 0 ? 0 : before.length + 1, -2);
  }),
];

describe.each(Object.entries(WRITTEN))("a key is hidden %s", (_how, write) => {
  const ENCODED: Readonly<Record<string, string>> = {
    "and nothing else": KEY,
    "in base64": btoa(KEY),
    "in base64url": url(btoa(KEY)),
    "in base64, behind one character": btoa(`x${KEY}y`),
    "in base64url, behind two": url(btoa(`xy${KEY}`)),
    "in base64, behind Bearer": btoa(`Authorization: Bearer ${KEY}\r\n`),
  };

  test.each(Object.entries(ENCODED))("%s, however it is cut", (_form, text) => {
    const written = `{"error":"a \\"bad\\" 100% & key: ${write(text)}, no \\u00e9"}`;
    const bytes = Buffer.from(written);
    for (let at = 0; at <= bytes.length; at++) {
      const shown = shownOf(cut(bytes, [at, at + 7, at + 8]));
      const said = unescaped(shown.toString("latin1"));
      for (const form of READ) {
        expect(said).not.toContain(form);
        expect(said).not.toContain(url(form));
      }
      expect(shown.length).toBe(bytes.length);
      expect(shown.toString()).toMatch(/^\{"error":"a \\"bad\\" 100% & key: .*, no \\u00e9"\}$/);
    }
    const field = new Hider(new Secret(KEY)).fields(["x-debug", write(text)])[1]!;
    for (const form of READ) expect(unescaped(field)).not.toContain(form);
  });
});

test("text that is full of escapes, or of beginnings of the key, takes no long time", () => {
  const pieces = ["%73", "\\u0073", "sk-vendor-", "&#x73;", "\\", "&#", "%", KEY.slice(0, -1)];
  for (const piece of pieces) {
    const bytes = Buffer.from(piece.repeat((1 << 18) / piece.length));
    expect(shownOf(cut(bytes, [1 << 16, 1 << 17])).equals(bytes)).toBe(true);
  }
});
