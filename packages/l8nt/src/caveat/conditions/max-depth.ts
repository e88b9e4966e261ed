/** `max_depth`: how many delegations may follow. */
import { caveatOf, condition } from "../condition.ts";
import { countFlag, field, writeCount } from "../field.ts";
import { readInteger } from "../integer.ts";

const NAME = "max_depth";

export const maxDepth = condition<bigint>({
  name: NAME,
  judgedBy: "both",
  handOver: "dropped",
  fields: [
    field("maxDepth", {
      example: "1",
      flag: countFlag("max-depth", "how many delegations may follow"),
      write: (count, terms) => [caveatOf({ name: NAME }, writeCount(count, terms))],
    }),
  ],
  spec: { value: "integer", denies: "more `agent` caveats follow it than that", code: "ERR_DEPTH" },
  parse: readInteger,
  prohibits: (max, _access, { agentsAfter }) =>
    BigInt(agentsAfter) <= max
      ? undefined
      : { code: "ERR_DEPTH", have: `at most ${max} delegations below`, need: `${agentsAfter}` },
  covers: (outer, inner) => inner <= outer,
  words: (depth) => [
    depth === 0n
      ? "no delegation below"
      : `at most ${depth} delegation${depth === 1n ? "" : "s"} below`,
  ],
});
