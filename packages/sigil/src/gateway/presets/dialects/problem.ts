/** Errors for clients of no known vendor: problem details, RFC 9457. */
import { type Dialect, lineOf, problemMembers } from "../dialect.ts";

export const problemDialect: Dialect = {
  name: "problem",
  denial: (facts) => ({
    contentType: "application/problem+json",
    body: JSON.stringify(problemMembers(facts)),
  }),
  streamError: (facts) => `event: error\ndata: ${lineOf(problemMembers(facts))}\n\n`,
};
