/** Long runs of blanks and commas in header fields are read once. [case 115] */
import { expect, test } from "vitest";
import { readMacaroonField } from "../l402/macaroon-field.ts";
import { readChallenges } from "./header.ts";
import { requestFields } from "./hop.ts";

const BLANKS = " ".repeat(100_000);

test("Connection names a field between any number of blanks", () => {
  expect(
    requestFields([
      ["connection", `${BLANKS}a${BLANKS}b`],
      ["a", "1"],
    ]),
  ).toHaveLength(1);
  expect(
    requestFields([
      ["connection", `${BLANKS}x${BLANKS},\t y `],
      ["x", "1"],
      ["y", "2"],
    ]),
  ).toEqual([]);
});

test("a Macaroon field with blanks inside is refused, and blanks around it are left out", () => {
  const blanks = " ".repeat(6000);
  expect(() => readMacaroonField(`00${blanks}00`)).toThrow("not hex");
  expect(() => readMacaroonField(`\t ${"0".repeat(10)} ${blanks}\t`)).not.toThrow("not hex");
  expect(readMacaroonField(blanks)).toBeUndefined();
});

test("an unreadable item ends at the next scheme, after any number of commas", () => {
  const items = readChallenges(`a=b${", ".repeat(50_000)}L402 macaroon="x"`);
  expect(items.at(-1)).toMatchObject({ scheme: "l402", parameters: [["macaroon", "x"]] });
});
