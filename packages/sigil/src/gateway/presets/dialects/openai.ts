/** Errors as OpenAI's clients show them: `error.message`. Stripe's and Mistral's show it too. */
import type { Json } from "../../body/edit.ts";
import { type DenialFacts, type Dialect, lineOf, problemMembers } from "../dialect.ts";

const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "insufficient_budget",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
};

/** Its SDKs show no more of a body than `error`, so the facts for programs stand in it too. */
const errorOf = ({ status, code, detail, members }: DenialFacts): Json => ({
  ...members,
  message: detail,
  type: TYPES[status] ?? (status < 500 ? "invalid_request_error" : "api_error"),
  param: null,
  code,
});

export const openaiDialect: Dialect = {
  name: "openai",
  denial: (facts) => ({
    contentType: "application/json",
    body: JSON.stringify({ ...problemMembers(facts), error: errorOf(facts) }),
  }),
  // Chat completions look for `error`, and Responses for the type and a message beside it.
  streamError: (facts) =>
    `event: error\ndata: ${lineOf({
      type: "error",
      code: facts.code,
      message: facts.detail,
      param: null,
      sequence_number: 0,
      error: errorOf(facts),
    })}\n\n`,
};
