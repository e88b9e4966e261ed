/** The decision about blame, over every combination of what is known. spec/4-purchase.md §4.5. */
import { expect, test } from "vitest";
import { unverifiedChain } from "../credential/index.ts";
import { utf8 } from "../internal/bytes.ts";
import { type Claim, claimOf, judgeRefusal, type RefusedFacts, type Verdict } from "./refusals.ts";

const NAMES = [
  "isPastEnd",
  "asBought",
  "isOwn",
  "isVeryRequest",
  "mayBeUsed",
  "hadByOthers",
  "isShared",
  "unanswered",
] as const;
const CLAIMS: readonly Claim[] = ["none", "unfit", "over"];

const all: readonly RefusedFacts[] = CLAIMS.flatMap((claim) =>
  Array.from({ length: 2 ** NAMES.length }, (_, bits) => ({
    claim,
    ...Object.fromEntries(NAMES.map((name, at) => [name, (bits & (1 << at)) !== 0])),
  })),
) as unknown as readonly RefusedFacts[];

const isTried = ({ asBought, isPastEnd }: RefusedFacts) => asBought && !isPastEnd;
const isVery = (facts: RefusedFacts) => isTried(facts) && facts.isOwn && facts.isVeryRequest;
const isOther = (facts: RefusedFacts) => isTried(facts) && facts.isOwn && !facts.isVeryRequest;
const isKnown = ({ mayBeUsed, hadByOthers }: RefusedFacts) => mayBeUsed || hadByOthers;
const hasEnded = (facts: RefusedFacts) =>
  facts.claim === "over" && isKnown(facts) && !facts.isShared;

/** The rows of the table of the spec as sentences, each with all that it asks for. */
const ORACLE: readonly (readonly [Verdict, (facts: RefusedFacts) => boolean])[] = [
  ["used", ({ isPastEnd }) => isPastEnd],
  ["again", ({ asBought, isPastEnd }) => !isPastEnd && !asBought],
  ["leave", (facts) => isTried(facts) && !facts.isOwn],
  ["used", (facts) => isOther(facts) && hasEnded(facts)],
  ["leave", (facts) => isOther(facts) && !hasEnded(facts)],
  ["used", (facts) => isVery(facts) && isKnown(facts)],
  [
    "doubted",
    (facts) => isVery(facts) && !isKnown(facts) && (facts.unanswered || facts.claim !== "none"),
  ],
  [
    "accused",
    (facts) => isVery(facts) && !isKnown(facts) && !facts.unanswered && facts.claim === "none",
  ],
];

test.each(all)("%j has the verdict of the one row of the table that fits", (facts) => {
  const fits = ORACLE.filter(([, row]) => row(facts)).map(([verdict]) => verdict);
  expect(fits).toHaveLength(1);
  expect(judgeRefusal(facts)).toBe(fits[0]);
});

test("two combinations of 768 accuse, and every fact and claim for the service undoes it", () => {
  const accused = all.filter((facts) => judgeRefusal(facts) === "accused");
  expect(accused).toEqual(
    [false, true].map((isShared) => ({
      claim: "none",
      isPastEnd: false,
      asBought: true,
      isOwn: true,
      isVeryRequest: true,
      mayBeUsed: false,
      hadByOthers: false,
      isShared,
      unanswered: false,
    })),
  );
  for (const name of NAMES.filter((one) => one !== "isShared"))
    expect(judgeRefusal({ ...accused[0]!, [name]: !accused[0]![name] })).not.toBe("accused");
  for (const claim of ["unfit", "over"] as const)
    expect(judgeRefusal({ ...accused[0]!, claim })).toBe("doubted");
});

const USES = "max_uses=1";
const BUDGET = "budget_msat=1000";
const END = "valid_until=2000000000";
const PRICE = "sold_price=10 msat";

test.each<[code: string | undefined, caveats: readonly string[], when: object, claim: Claim]>([
  ["ERR_USES", [USES], {}, "over"],
  ["ERR_USES", [BUDGET, END, PRICE], {}, "none"],
  ["ERR_BUDGET", [BUDGET], {}, "unfit"],
  ["ERR_BUDGET", [BUDGET], { hadTooLittle: true }, "over"],
  ["ERR_BUDGET", [USES, END], { hadTooLittle: true }, "none"],
  ["ERR_EXPIRED", [END], { mayHaveEnded: true }, "over"],
  ["ERR_EXPIRED", [END], {}, "none"],
  ["ERR_EXPIRED", [USES], { mayHaveEnded: true }, "none"],
  ["ERR_PRICE", [PRICE], {}, "unfit"],
  ["ERR_PRICE", ["max_price_msat=10"], {}, "unfit"],
  ["ERR_PRICE", [USES], {}, "none"],
  ["ERR_REVOKED", [], {}, "over"],
  ["ERR_ENDPOINT", ["endpoints=GET https://api.example/*"], {}, "none"],
  ["ERR_TOKEN_MISSING", [USES], {}, "none"],
  ["ERR_TOKEN_ROOT", [USES, END], { mayHaveEnded: true }, "none"],
  [undefined, [USES, END, PRICE], { mayHaveEnded: true }, "none"],
])("%s about a credential with %j and %j is the claim %s", (code, caveats, when, claim) => {
  const chain = unverifiedChain(caveats.map(utf8), "00".repeat(32));
  const facts = { chain, mayHaveEnded: false, hadTooLittle: false, ...when };
  expect(claimOf(code, facts)).toBe(claim);
});
