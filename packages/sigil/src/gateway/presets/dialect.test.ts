/** Denials, as the parsers of the vendors' clients read them. */
import { describe, expect, test } from "vitest";
import type { DenialFacts, Dialect } from "./dialect.ts";
import { anthropicDialect } from "./dialects/anthropic.ts";
import { googleDialect } from "./dialects/google.ts";
import { ollamaDialect } from "./dialects/ollama.ts";
import { openaiDialect } from "./dialects/openai.ts";
import { problemDialect } from "./dialects/problem.ts";

const facts: DenialFacts = {
  status: 402,
  code: "budget_exhausted",
  title: "Budget exhausted",
  detail:
    'budget_exhausted: node "scout" needs 0.5 usd and has 0.1 usd left of 5 usd; more at 10:00.',
  members: { node: "scout", need: "500000", left: "100000", resets_at: "2026-11-30T10:00:00Z" },
};

const bodyOf = (dialect: Dialect, more: Partial<DenialFacts> = {}) =>
  JSON.parse(dialect.denial({ ...facts, ...more }).body);
const dataOf = (event: string): string => /^data: ([^\n]*)\n\n$/m.exec(event)![1]!;

describe("openai", () => {
  // openai 6.49 core/error.js: APIError reads message, code, param and type of `error`.
  test("has what openai's APIError reads", () => {
    expect(bodyOf(openaiDialect).error).toEqual({
      ...facts.members,
      message: facts.detail,
      type: "insufficient_budget",
      param: null,
      code: "budget_exhausted",
    });
  });

  test("has the members of a problem beside it", () => {
    expect(bodyOf(openaiDialect)).toMatchObject({
      status: 402,
      code: "budget_exhausted",
      title: "Budget exhausted",
      detail: facts.detail,
      node: "scout",
      resets_at: "2026-11-30T10:00:00Z",
    });
  });

  // openai 6.49 core/streaming.js: an event with `error` is thrown, whatever its name, if it does
  // not start with "thread.". Responses are read by `type`, ResponseErrorEvent.
  test("ends a stream with an event that both of its APIs know", () => {
    const event = openaiDialect.streamError(facts);
    expect(event).toMatch(/^event: error\ndata: /);
    expect(JSON.parse(dataOf(event))).toEqual({
      type: "error",
      code: "budget_exhausted",
      message: facts.detail,
      param: null,
      sequence_number: 0,
      error: {
        ...facts.members,
        message: facts.detail,
        type: "insufficient_budget",
        param: null,
        code: "budget_exhausted",
      },
    });
  });
});

describe("anthropic", () => {
  const DETAILS = { error_code: "budget_exhausted" };
  // @anthropic-ai/sdk 1.14 core/error.js: message of `error`, type of `error.error`; shared.d.ts
  // BillingError, PermissionError, AuthenticationError, InvalidRequestError, NotFoundError.
  test.each([
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [402, "billing_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [429, "rate_limit_error"],
    [502, "api_error"],
  ])("%s is %s", (status, type) => {
    expect(bodyOf(anthropicDialect, { status })).toMatchObject({
      type: "error",
      // Its SDK shows this one, and the whole JSON without it.
      message: facts.detail,
      error: { ...facts.members, type, message: facts.detail, details: DETAILS },
      node: "scout",
      status,
    });
  });

  test("a member called type does not replace the vendor's", () => {
    const members = { type: "urn:x", error: "y", message: "z" };
    const error = { type: "billing_error", message: facts.detail };
    expect(bodyOf(anthropicDialect, { members })).toMatchObject({ type: "error", error });
    expect(bodyOf(openaiDialect, { members }).error).toMatchObject({
      ...{ type: "insufficient_budget", message: facts.detail },
    });
  });

  test("ends a stream with its error event", () => {
    expect(anthropicDialect.streamError(facts)).toBe(
      `event: error\ndata: ${JSON.stringify({
        type: "error",
        message: facts.detail,
        error: {
          ...facts.members,
          ...{ type: "billing_error", message: facts.detail, details: DETAILS },
        },
      })}\n\n`,
    );
  });
});

describe("google", () => {
  // google.rpc.Status; @google/genai 2.32 throwIfStreamErrorChunk wants a number from 400 to 599.
  test.each([
    [400, "INVALID_ARGUMENT"],
    [401, "UNAUTHENTICATED"],
    [402, "RESOURCE_EXHAUSTED"],
    [403, "PERMISSION_DENIED"],
    [404, "NOT_FOUND"],
  ])("%s is %s, and its code is a number", (status, name) => {
    for (const { error } of [
      bodyOf(googleDialect, { status }),
      JSON.parse(dataOf(googleDialect.streamError({ ...facts, status }))),
    ]) {
      expect(error).toMatchObject({ code: status, message: facts.detail, status: name });
      expect(error.details[0]).toEqual({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        reason: "BUDGET_EXHAUSTED",
        domain: "sigil",
        metadata: facts.members,
      });
    }
  });

  test("metadata has texts alone", () => {
    const { error } = bodyOf(googleDialect, { members: { need: 5, path: ["a"] } });
    expect(error.details[0].metadata).toEqual({ need: "5", path: '["a"]' });
  });
});

test("ollama has a text as error, and one line in a stream", () => {
  // ollama 0.6 checkOk: `errorData.error`; its streams throw an Error of `error`.
  expect(bodyOf(ollamaDialect)).toMatchObject({ error: facts.detail, node: "scout", status: 402 });
  expect(ollamaDialect.streamError(facts)).toBe(`${JSON.stringify({ error: facts.detail })}\n`);
});

test("others have problem details (RFC 9457)", () => {
  expect(problemDialect.denial(facts).contentType).toBe("application/problem+json");
  expect(bodyOf(problemDialect)).toEqual({
    node: "scout",
    need: "500000",
    left: "100000",
    resets_at: "2026-11-30T10:00:00Z",
    title: "Budget exhausted",
    status: 402,
    detail: facts.detail,
    code: "budget_exhausted",
  });
});

describe("no text of a denial can end an event early", () => {
  const detail = 'a\n\ndata: {"x":1}\r\n\u2028\u2029\x85"';
  test.each([openaiDialect, anthropicDialect, googleDialect, problemDialect])(
    "$name",
    (dialect) => {
      const event = dialect.streamError({ ...facts, detail });
      expect(event.match(/\n\n/g)).toHaveLength(1);
      // What Python's splitlines ends a line at.
      for (const end of "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029") expect(event).not.toContain(end);
      expect(event.split("\n").filter((line) => line.startsWith("data: "))).toHaveLength(1);
      expect(() => JSON.parse(dataOf(event))).not.toThrow();
    },
  );
});
