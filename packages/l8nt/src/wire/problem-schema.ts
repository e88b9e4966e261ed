/** Problem details (RFC 9457) as JSON Schema. */
import { count, list, object, oneOf, optional, pattern, text } from "./codec.ts";
import { CODE } from "./problem.ts";

const node = object({ id: text, agent: optional(text) });

export const problem = object({
  type: text,
  title: text,
  status: count(),
  detail: text,
  code: pattern(CODE, "be the code of an error"),
  spent: optional(oneOf("no", "yes", "unknown")),
  line: optional(count()),
  condition: optional(text),
  node: optional(node),
  refusals: optional(
    list(object({ code: text, condition: text, node: optional(node), have: text, need: text })),
  ),
});
