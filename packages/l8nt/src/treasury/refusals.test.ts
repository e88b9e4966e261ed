/** The decision about blame, over every combination of what is known. spec/4-purchase.md §4.5. */
import { expect, test } from "vitest";
import { judgeRefusal, type RefusedFacts, type Verdict } from "./refusals.ts";

const NAMES = [
  "isPastEnd",
  "asBought",
  "isOwn",
  "isVeryRequest",
  "mayBeUsed",
  "hadByOthers",
  "unanswered",
] as const;

const all: readonly RefusedFacts[] = Array.from({ length: 2 ** NAMES.length }, (_, bits) =>
  Object.fromEntries(NAMES.map((name, at) => [name, (bits & (1 << at)) !== 0])),
) as unknown as RefusedFacts[];

/** The rows of the table of the spec as sentences, each with all that it asks for. */
const ORACLE: readonly (readonly [Verdict, (facts: RefusedFacts) => boolean])[] = [
  ["used", ({ isPastEnd }) => isPastEnd],
  ["again", ({ asBought, isPastEnd }) => !isPastEnd && !asBought],
  ["leave", ({ asBought, isOwn, isPastEnd }) => !isPastEnd && asBought && !isOwn],
  [
    "leave",
    ({ asBought, isOwn, isVeryRequest, isPastEnd }) =>
      !isPastEnd && asBought && isOwn && !isVeryRequest,
  ],
  [
    "used",
    ({ isPastEnd, asBought, isOwn, isVeryRequest, mayBeUsed, hadByOthers }) =>
      !isPastEnd && asBought && isOwn && isVeryRequest && (mayBeUsed || hadByOthers),
  ],
  [
    "doubted",
    ({ isPastEnd, asBought, isOwn, isVeryRequest, mayBeUsed, hadByOthers, unanswered }) =>
      !isPastEnd && asBought && isOwn && isVeryRequest && !mayBeUsed && !hadByOthers && unanswered,
  ],
  [
    "accused",
    ({ isPastEnd, asBought, isOwn, isVeryRequest, mayBeUsed, hadByOthers, unanswered }) =>
      !isPastEnd && asBought && isOwn && isVeryRequest && !mayBeUsed && !hadByOthers && !unanswered,
  ],
];

test.each(all)("%j has the verdict of the one row of the table that fits", (facts) => {
  const fits = ORACLE.filter(([, row]) => row(facts)).map(([verdict]) => verdict);
  expect(fits).toHaveLength(1);
  expect(judgeRefusal(facts)).toBe(fits[0]);
});

test("one combination of 128 accuses, and every fact for the service undoes it", () => {
  const accused = all.filter((facts) => judgeRefusal(facts) === "accused");
  expect(accused).toEqual([
    {
      isPastEnd: false,
      asBought: true,
      isOwn: true,
      isVeryRequest: true,
      mayBeUsed: false,
      hadByOthers: false,
      unanswered: false,
    },
  ]);
  for (const name of NAMES)
    expect(judgeRefusal({ ...accused[0]!, [name]: !accused[0]![name] })).not.toBe("accused");
});
