import { describe, expect, test } from "vitest";
import {
  AdapterError,
  BudgetError,
  ChallengeError,
  DeniedError,
  ERRORS,
  type ErrorClass,
  PaymentError,
  ReceiptError,
  type Refusal,
  SigilError,
  TokenError,
} from "../errors.ts";
import { errorOf, Refused, readProblem, render, statusOf } from "./problem.ts";

const node = { id: "82c1c2751854768d156b0777a3f79842", agent: "booker" };
const refusalOf = (code: string): Refusal =>
  ({ code, condition: "budget_msat", node, have: "1 sat", need: "2 sat" }) as Refusal;

/** One error of each class; a payment's with every answer to "did money move?". */
const make: Readonly<Record<ErrorClass, (code: never) => readonly SigilError[]>> = {
  TokenError: (code) => [new TokenError(code, "A token.")],
  DeniedError: (code) => [
    new DeniedError([refusalOf(code)]),
    new DeniedError([refusalOf(code), { ...refusalOf("ERR_ENDPOINT"), condition: "endpoints" }]),
  ],
  BudgetError: (code) => [new BudgetError([refusalOf(code)])],
  ChallengeError: (code) => [new ChallengeError(code, "A challenge.")],
  PaymentError: (code) =>
    (["no", "yes", "unknown"] as const).map((spent) => new PaymentError(code, spent, "A payment.")),
  ReceiptError: (code) => [new ReceiptError(code, 7, "it is altered: twice")],
  AdapterError: (code) => [
    new AdapterError(code, "An adapter."),
    new AdapterError(code, "An adapter.", { retryAfterSeconds: 30 }),
  ],
};

const classes = Object.keys(ERRORS) as ErrorClass[];
const codes = classes.flatMap((name) =>
  Object.entries(ERRORS[name]).map(([code, status]) => ({ name, code, status: status as number })),
);

/** Everything that a program may branch on, and the message. */
const factsOf = (error: SigilError | undefined) =>
  error && {
    class: error.constructor,
    message: error.message,
    retryAfterSeconds: error.retryAfterSeconds,
    ...error.toJSON(),
    spent: (error as { spent?: unknown }).spent,
  };

// A forger is not told which check failed. [case 98]
const CONCEALED = ["ERR_TOKEN_PREIMAGE", "ERR_TOKEN_ROOT"];

describe("every code is the same error after it crossed HTTP", () => {
  test.each(codes.filter(({ code }) => !CONCEALED.includes(code)))(
    "$code stays a $name with its message, spent, refusals and line",
    async ({ name, code, status }) => {
      for (const error of make[name](code as never)) {
        if (code === "ERR_TOKEN_FORGED") Object.assign(error, { message: FORGED });
        const { response } = new Refused(error, { enforced: ["endpoints"] });
        expect(response.status).toBe(status);
        expect(factsOf(await readProblem(response))).toEqual(factsOf(error));
      }
    },
  );

  test.each(CONCEALED)("%s arrives as ERR_TOKEN_FORGED [case 98]", async (code) => {
    const { response } = new Refused(new TokenError(code as never, "The secret is another."));
    const error = await readProblem(response);
    expect(error).toBeInstanceOf(TokenError);
    expect([error?.code, error?.message]).toEqual(["ERR_TOKEN_FORGED", FORGED]);
  });
});

const FORGED = "The credential is not genuine here: forged, altered, unpaid, or minted elsewhere.";

test("statuses are those of spec/3-challenge.md §5 and spec/4-purchase.md §7", () => {
  const statusesOf = (name: ErrorClass) => new Set(Object.values<number>(ERRORS[name]));
  expect(statusesOf("BudgetError")).toEqual(new Set([403]));
  expect(statusesOf("PaymentError")).toEqual(new Set([502]));
  expect(statusesOf("ChallengeError")).toEqual(new Set([502]));
  for (const { name, code, status } of codes) {
    expect(statusOf(make[name](code as never)[0]!), code).toBe(status);
    expect(status, "402 is for whoever can sell").not.toBe(402);
  }
  expect(codes.length).toBe(new Set(codes.map(({ code }) => code)).size);
});

describe("a code that this version does not know stays readable", () => {
  const { code: _, ...rest } = refusalOf("");
  test.each([
    ["AdapterError", AdapterError, {}],
    ["PaymentError", PaymentError, { spent: "yes" }],
    ["DeniedError", DeniedError, { refusals: [{ code: "ERR_MOON", ...rest }] }],
  ])("as a %s, by what it carries", (_name, Class, members) => {
    const error = errorOf({ code: "ERR_MOON", detail: "The moon is full.", ...members });
    expect(error).toBeInstanceOf(Class);
    expect(error?.code).toBe("ERR_MOON");
    expect(error?.message).toMatch(/The moon is full\.|budget_msat/);
    expect((error as { spent?: string }).spent).toBe((members as { spent?: string }).spent);
  });
});

test("an answer of something in between is no problem of Sigil's", async () => {
  const answers = [
    new Response("<h1>502 Bad Gateway</h1>", { status: 502 }),
    new Response("null", { status: 502 }),
    Response.json({ code: 7, detail: "x" }, { status: 502 }),
    Response.json({ code: "ENOENT", detail: "x" }, { status: 502 }),
    Response.json({ code: "ERR_STORE" }, { status: 503 }),
    // Not how Sigil denies: it says which caveat prohibits the access.
    Response.json({ code: "ERR_ENDPOINT", detail: "x" }, { status: 403 }),
    Response.json({ code: "ERR_ENDPOINT", detail: "x", refusals: [{}] }, { status: 403 }),
  ];
  for (const answer of answers) expect(await readProblem(answer)).toBeUndefined();
});

test("a payment whose outcome is not said counts as unknown", () => {
  const error = errorOf({ code: "ERR_PAYMENT_FAILED", detail: "It failed." });
  expect(error).toMatchObject({ spent: "unknown" });
});

test("Retry-After is kept, and a date in it is ignored", async () => {
  const limited = (value: string) =>
    readProblem(
      Response.json(
        { code: "ERR_RATE_LIMITED", detail: "Wait." },
        { status: 429, headers: { "retry-after": value } },
      ),
    );
  expect((await limited("17"))?.retryAfterSeconds).toBe(17);
  expect((await limited("Wed, 21 Oct 2026 07:28:00 GMT"))?.retryAfterSeconds).toBeUndefined();
});

test("a 401 names the conditions that are judged, and offers nothing to pay", () => {
  const missing = new TokenError("ERR_TOKEN_MISSING", "A credential is needed.");
  const { headers } = render(new Refused(missing, { enforced: ["expires", "endpoints"] }));
  expect(headers).toContainEqual([
    "www-authenticate",
    'L402 version="0", caveats="expires endpoints"',
  ]);
  expect(headers).toContainEqual(["cache-control", "no-store"]);
});

test("a refusal can be written to a log as JSON, with the exact code", () => {
  const refused = new Refused(new TokenError("ERR_TOKEN_ROOT", "Another secret."));
  expect(JSON.parse(JSON.stringify(refused))).toEqual({
    granted: false,
    status: 401,
    error: { name: "TokenError", code: "ERR_TOKEN_ROOT", message: "Another secret." },
  });
  expect(refused.error).toBeInstanceOf(SigilError);
});
