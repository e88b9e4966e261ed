/** Errors as Anthropic's clients show them: `error.type` and `error.message`. */
import { type DenialFacts, type Dialect, lineOf, problemMembers } from "../dialect.ts";

const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
};

const errorOf = ({ status, code, detail, members }: DenialFacts) => ({
  ...members,
  type: TYPES[status] ?? (status < 500 ? "invalid_request_error" : "api_error"),
  message: detail,
  // Its TypeScript SDK has it as `errorCode`.
  details: { error_code: code },
});

/** Its TypeScript SDK shows `message` of the whole, and the JSON of it if there is none. */
const whole = (facts: DenialFacts) => ({
  type: "error",
  message: facts.detail,
  error: errorOf(facts),
});

export const anthropicDialect: Dialect = {
  name: "anthropic",
  denial: (facts) => ({
    contentType: "application/json",
    body: JSON.stringify({ ...problemMembers(facts), ...whole(facts) }),
  }),
  streamError: (facts) => `event: error\ndata: ${lineOf(whole(facts))}\n\n`,
};
