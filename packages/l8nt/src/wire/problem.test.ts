import { describe, expect, test } from "vitest";
import { ERRORS, type ErrorClass } from "../error-codes.ts";
import { AdapterError, DeniedError, PaymentError, SigilError, TokenError } from "../errors.ts";
import { CONCEALED, everyError, FORGED, factsOf, refusalOf } from "./fixtures/errors.ts";
import { errorOf, Refused, readProblem, render, statusOf } from "./problem.ts";
import { codeOf } from "./problem-code.ts";
import { isRunning } from "./service-refusal.ts";

describe("every code is the same error after it crossed HTTP", () => {
  test.each(everyError.filter(({ code }) => !CONCEALED.includes(code)))(
    "$code stays a $name with its message, spent, refusals and line",
    async ({ errors, status }) => {
      for (const error of errors) {
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

test("statuses are those of spec/3-challenge.md §5 and spec/4-purchase.md §7", () => {
  const statusesOf = (name: ErrorClass) => new Set(Object.values<number>(ERRORS[name]));
  expect(statusesOf("BudgetError")).toEqual(new Set([403]));
  expect(statusesOf("PaymentError")).toEqual(new Set([502]));
  expect(statusesOf("ChallengeError")).toEqual(new Set([502]));
  for (const { errors, code, status } of everyError) {
    expect(statusOf(errors[0]!), code).toBe(status);
    expect(status, "402 is for those who can sell").not.toBe(402);
  }
  const codes = everyError.map(({ code }) => code);
  expect(codes.length).toBe(new Set(codes).size);
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

const answerOf = (type: string, body: unknown, init: ResponseInit = {}) =>
  new Response(JSON.stringify(body), {
    ...init,
    headers: { "content-type": type, ...init.headers },
  });
const problemOf = (body: unknown, init?: ResponseInit) =>
  answerOf("application/problem+json", body, init);

test("an answer of something in between is no problem of Sigil's", async () => {
  const answers = [
    new Response("<h1>502 Bad Gateway</h1>", { status: 502 }),
    new Response("null", { status: 502 }),
    problemOf(null, { status: 502 }),
    problemOf({ code: 7, detail: "x" }, { status: 502 }),
    problemOf({ code: "ENOENT", detail: "x" }, { status: 502 }),
    problemOf({ code: "ERR_STORE" }, { status: 503 }),
    // Not how Sigil denies: it says which caveat prohibits the access.
    problemOf({ code: "ERR_ENDPOINT", detail: "x" }, { status: 403 }),
    problemOf({ code: "ERR_ENDPOINT", detail: "x", refusals: [{}] }, { status: 403 }),
  ];
  for (const answer of answers) expect(await readProblem(answer)).toBeUndefined();
});

const PROBLEM = { code: "ERR_STORE", detail: "It failed." };
const RPC = { jsonrpc: "2.0", id: 1, error: { code: -32_000, message: "Wait.", data: PROBLEM } };

// RFC 9457 §3: a document of this type is a problem. JSON-RPC 2.0 §5: `jsonrpc`, and `error.data`.
test.each<[where: string, isRead: boolean, type: string, body: unknown]>([
  ["problem details", true, "application/problem+json", PROBLEM],
  ["with a parameter", true, "Application/Problem+JSON ; charset=utf-8", PROBLEM],
  ["an error of JSON-RPC", true, "application/json", RPC],
  ["with a parameter", true, "application/json;charset=utf-8", RPC],
  ["an API's own JSON", false, "application/json", PROBLEM],
  ["an API's own JSON with an error", false, "application/json", { error: { data: PROBLEM } }],
  ["an older JSON-RPC", false, "application/json", { ...RPC, jsonrpc: "1.0" }],
  ["problem details with an error inside", false, "application/problem+json", RPC],
  ["another JSON type", false, "application/vnd.api+json", PROBLEM],
  ["a type that only begins like it", false, "application/problem+json5", PROBLEM],
  ["text", false, "text/plain", PROBLEM],
])("every reader reads, or none: %s (%s, %s)", async (_, isRead, type, body) => {
  const code = isRead ? "ERR_STORE" : undefined;
  expect((await readProblem(answerOf(type, body)))?.code).toBe(code);
  expect(await codeOf(answerOf(type, body))).toBe(code);
  const running = JSON.parse(JSON.stringify(body).replace("ERR_STORE", "ERR_REQUEST_RUNNING"));
  expect(await isRunning(answerOf(type, running, { status: 409 }))).toBe(isRead);
});

test("a payment whose outcome is not said counts as unknown", () => {
  const error = errorOf({ code: "ERR_PAYMENT_FAILED", detail: "It failed." });
  expect(error).toMatchObject({ spent: "unknown" });
});

test("Retry-After is kept, and a date in it is ignored", async () => {
  const limited = (value: string) =>
    readProblem(
      problemOf(
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

test("refusals that are not of their form make no error, and nothing else of them is kept", () => {
  const refusal = refusalOf("ERR_ENDPOINT");
  const read = (entry: unknown, code = "ERR_ENDPOINT") =>
    errorOf({ code, detail: "Denied.", refusals: [entry] });
  const hostile = JSON.parse('{"toString":null,"valueOf":null}');
  const { node: _, ...unnamed } = refusal;
  expect(read({ ...refusal, node: hostile })).toMatchObject({ refusals: [unnamed] });
  expect(read({ ...refusal, node: { id: "a0", agent: hostile, more: 1 } })).toMatchObject({
    message: expect.not.stringContaining("set for"),
    refusals: [{ ...unnamed, node: { id: "a0" } }],
  });
  expect(read({ ...refusal, more: "x" })?.toJSON()).toMatchObject({ refusals: [refusal] });
  for (const entry of [
    { ...refusal, code: "two\nlines" },
    { ...refusal, code: "ERR_PRICE" },
    { ...refusal, have: hostile },
    null,
    [],
  ])
    expect(read(entry), JSON.stringify(entry)).toBeUndefined();
});
