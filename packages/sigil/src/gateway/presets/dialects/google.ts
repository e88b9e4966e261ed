/** Errors as Google's clients show them: `google.rpc.Status` in JSON. */
import type { Json } from "../../body/edit.ts";
import { type DenialFacts, type Dialect, lineOf } from "../dialect.ts";

const STATUSES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  402: "RESOURCE_EXHAUSTED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

/** `code` is a number: a string makes @ai-sdk/google hide the message. */
const statusOf = ({ status, code, detail, members = {} }: DenialFacts): Json => ({
  error: {
    code: status,
    message: detail,
    status: STATUSES[status] ?? (status < 500 ? "FAILED_PRECONDITION" : "INTERNAL"),
    details: [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        reason: code.toUpperCase(),
        domain: "sigil",
        // A map of strings by its definition.
        metadata: Object.fromEntries(
          Object.entries(members).map(([name, value]) => [
            name,
            typeof value === "string" ? value : JSON.stringify(value),
          ]),
        ),
      },
    ],
  },
});

export const googleDialect: Dialect = {
  name: "google",
  denial: (facts) => ({
    contentType: "application/json",
    body: JSON.stringify(statusOf(facts)),
  }),
  streamError: (facts) => `data: ${lineOf(statusOf(facts))}\n\n`,
};
