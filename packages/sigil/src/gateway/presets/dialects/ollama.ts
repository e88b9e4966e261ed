/** Errors as Ollama's clients show them: `error` is a text. Streams are lines of JSON. */
import { type Dialect, lineOf, problemMembers } from "../dialect.ts";

export const ollamaDialect: Dialect = {
  name: "ollama",
  denial: (facts) => ({
    contentType: "application/json",
    body: JSON.stringify({ ...problemMembers(facts), error: facts.detail }),
  }),
  streamError: (facts) => `${lineOf({ error: facts.detail })}\n`,
};
