/** What each error of the library is at the gateway, and what clients do with that. */
import {
  AdapterError,
  BudgetError,
  DeniedError,
  type ErrorCode,
  PaymentError,
  type Refusal,
  TokenError,
} from "l8nt";
import { describe, expect, test } from "vitest";
import { ERRORS } from "../../../l8nt/src/error-codes.ts";
import { SHOWN } from "./denial-table.ts";
import { denialOf } from "./denied.ts";
import { PRESETS } from "./presets/index.ts";

const NODE = { id: "8f3a5c7e9b1d2f4061728394a5b6c7d8", agent: "scout" };
const refusalOf = (code: string) =>
  ({
    code,
    condition: "budget_usd_micro_per_day",
    node: NODE,
    have: "0.1 usd",
    need: "2 usd",
  }) as unknown as Refusal;

/** One error of each code that a paywall may answer with. */
const REACHING: readonly Error[] = [
  ...Object.keys(ERRORS.TokenError).map((code) => new TokenError(code as never, "a text.")),
  ...Object.keys(ERRORS.DeniedError).map((code) => new DeniedError([refusalOf(code)])),
  ...Object.keys(ERRORS.BudgetError).map((code) => new BudgetError([refusalOf(code)])),
  ...(
    [
      ...["ERR_RATE_LIMITED", "ERR_STORE", "ERR_CHECKPOINT", "ERR_FEED", "ERR_SECRET"],
      ...["ERR_WALLET", "ERR_PRICE_FUNCTION", "ERR_KEYS_UNREACHABLE"],
    ] as never[]
  ).map((code) => new AdapterError(code, "a text.")),
];
const codeOf = (error: Error) => (error as Error & { code: ErrorCode }).code;
const named = REACHING.map((error) => [codeOf(error), error] as const);

/** As a forger is shown which check failed: by one code for all of them. [case 98] */
const CONCEALED = ["ERR_TOKEN_PREIMAGE", "ERR_TOKEN_ROOT"];
const FORGED = "ERR_TOKEN_FORGED";

test("the table has each code that can reach it, and no other", () => {
  const reaching = REACHING.map(codeOf).filter((code) => !CONCEALED.includes(code));
  expect(Object.keys(SHOWN).sort()).toEqual(reaching.sort());
});

test.each(CONCEALED)("%s is told as any other forgery [case 98]", (code) => {
  const told = (of: string) => denialOf(new TokenError(of as never, `${of} failed.`)).facts;
  expect(told(code)).toEqual(told(FORGED));
});

describe.each(named)("%s", (code, error) => {
  const denial = denialOf(error);
  const { facts, retryAfterSeconds } = denial;

  test("has a code and a title of its own, and tells the library's", () => {
    expect(facts.code).toMatch(/^[a-z_]+$/);
    expect([facts.code, facts.title]).not.toContain("denied");
    expect(facts.title).not.toBe("Denied");
    expect(facts.members).toMatchObject({ sigil: CONCEALED.includes(code) ? FORGED : code });
  });

  // findings: openai, anthropic and the AI SDK send 409, 422, 429 and 5xx again; 401 to 403 never.
  test("has a status that is sent again only if it passes by itself", () => {
    const isOfToken = code.startsWith("ERR_TOKEN_");
    const isOfBudget = ["ERR_BUDGET", "ERR_USES", "ERR_PRICE"].includes(code);
    const expected =
      code === "ERR_TOKEN_AMBIGUOUS"
        ? 400
        : isOfToken
          ? 401
          : isOfBudget
            ? 402
            : code === "ERR_RATE_LIMITED"
              ? 429
              : code === "ERR_REVOCATION_UNKNOWN" || error instanceof AdapterError
                ? 503
                : 403;
    expect(facts.status).toBe(expected);
    const isPassing = expected === 429 || expected === 503;
    expect(retryAfterSeconds).toBe(isPassing ? 1 : undefined);
  });

  test.each([...PRESETS])("is shown to clients of %s", (_name, { dialect }) => {
    const { body } = dialect.denial(facts);
    const read = JSON.parse(body);
    expect(body).toContain(JSON.stringify(facts.detail).slice(1, -1));
    // Google's clients read a number there.
    if (dialect.name === "google") expect(read.error.code).toBe(facts.status);
    else
      expect([read.status, read.code, read.title]).toEqual([facts.status, facts.code, facts.title]);
  });
});

test.each([
  ["a payment", new PaymentError("ERR_PAYMENT_FAILED", "no", "a text.")],
  ["a bug", new TypeError("a text")],
])("%s is a fault of the gateway and no denial", (_what, error) => {
  expect(() => denialOf(error)).toThrow(error);
});

test.each([
  [30, 30],
  [0.2, 1],
  [3600, 60],
])(
  "a wait of %d seconds is told as %d, because SDKs wait a minute at most",
  (seconds, expected) => {
    const error = new AdapterError("ERR_RATE_LIMITED", "a text.", { retryAfterSeconds: seconds });
    expect(denialOf(error).retryAfterSeconds).toBe(expected);
  },
);

test.each([
  ["a rate of a minute", [["ERR_USES", 60]], 429, "rate_limited", 60],
  ["one that is whole a slot later", [["ERR_USES", 61]], 429, "rate_limited", 60],
  ["one that is whole soon", [["ERR_USES", 12.2]], 429, "rate_limited", 13],
  ["one that is whole by now", [["ERR_USES", -3]], 429, "rate_limited", 1],
  [
    "two rates",
    [
      ["ERR_USES", 5],
      ["ERR_USES", 40],
    ],
    429,
    "rate_limited",
    40,
  ],
  ["uses of an hour", [["ERR_USES", 3600]], 402, "uses_exhausted", undefined],
  ["uses in all", [["ERR_USES", undefined]], 402, "uses_exhausted", undefined],
  [
    "a rate and uses in all",
    [
      ["ERR_USES", 5],
      ["ERR_USES", undefined],
    ],
    402,
    "uses_exhausted",
    undefined,
  ],
  ["a budget that is whole soon", [["ERR_BUDGET", 5]], 402, "budget_exhausted", undefined],
  [
    "a rate and a budget",
    [
      ["ERR_USES", 5],
      ["ERR_BUDGET", 5],
    ],
    402,
    "uses_exhausted",
    undefined,
  ],
] as readonly (readonly [
  string,
  readonly (readonly [string, number | undefined])[],
  number,
  string,
  number | undefined,
])[])(
  "%s that refuses is shown as what a retry passes, or not",
  (_what, limits, status, code, retryAfterSeconds) => {
    const now = 1_900_000_000;
    const refusals = limits.map(([of, wait]) => ({
      ...refusalOf(of),
      ...(wait !== undefined && { resetsAt: now + wait }),
    })) as unknown as [Refusal, ...Refusal[]];
    const denial = denialOf(new BudgetError(refusals), now);
    expect(denial.facts).toMatchObject({ status, code });
    expect(denial.facts.detail).toContain(`(${code}, node`);
    expect(denial.retryAfterSeconds).toBe(retryAfterSeconds);
    const [{ resetsAt }] = refusals;
    const told = resetsAt === undefined ? undefined : new Date(resetsAt * 1000).toISOString();
    expect(denial.facts.members!.resets_at).toBe(told);
  },
);

describe("a budget that ran dry", () => {
  const refusal = refusalOf("ERR_BUDGET");

  test("names code, node, need, left, and when it is whole again", () => {
    const { facts } = denialOf(new BudgetError([{ ...refusal, resetsAt: 1_900_000_000 }]));
    expect(facts.detail).toBe(
      "Sigil: This key has too little left. budget_usd_micro_per_day (set for agent scout): you have 0.1 usd; you need 2 usd; all of it is free again at 2030-03-17T17:46:40.000Z if nothing more is spent. (budget_exhausted, node 8f3a5c7e9b1d2f4061728394a5b6c7d8)",
    );
    expect(facts.members).toEqual({
      sigil: "ERR_BUDGET",
      node: NODE.id,
      agent: "scout",
      condition: "budget_usd_micro_per_day",
      need: "2 usd",
      left: "0.1 usd",
      resets_at: "2030-03-17T17:46:40.000Z",
    });
  });

  test("says nothing of when for a limit in all", () => {
    const { facts } = denialOf(new BudgetError([refusal]));
    expect(facts.members).not.toHaveProperty("resets_at");
    expect(facts.detail).not.toContain("free again");
  });
});
