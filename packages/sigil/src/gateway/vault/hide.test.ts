import fc from "fast-check";
import { expect, test } from "vitest";
import { Hider } from "./hide.ts";
import { Secret } from "./secret.ts";

const KEY = "sk-vendor-sk-vendor-CANARY/+0123";
const FORMS = [KEY, btoa(`${KEY}:`), btoa(KEY).replace(/=+$/, ""), encodeURIComponent(KEY)];

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
