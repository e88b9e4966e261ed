/** Problem details (RFC 9457) as JSON Schema. */
import {
  type Codec,
  count,
  list,
  object,
  oneOf,
  optional,
  pattern,
  seconds,
  text,
} from "./codec.ts";
import { CODE, LAST_SECOND } from "./problem.ts";

const node = object({ id: text, agent: optional(text) });
export const errorCode = pattern(CODE, "be the code of an error");
/** Unix seconds of a date. */
export const instant: Codec<number> = {
  ...seconds,
  schema: { ...seconds.schema, minimum: 0, maximum: LAST_SECOND },
};

export const problem = object({
  type: text,
  title: text,
  status: count(),
  detail: text,
  code: errorCode,
  spent: optional(oneOf("no", "yes", "unknown")),
  line: optional(count()),
  condition: optional(text),
  node: optional(node),
  refusals: optional(
    list(
      object({
        code: errorCode,
        condition: text,
        node: optional(node),
        have: text,
        need: text,
        resetsAt: optional(instant),
      }),
    ),
  ),
});
