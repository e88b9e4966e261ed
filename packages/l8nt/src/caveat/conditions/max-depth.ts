/** `max_depth`: how many delegations may follow. */
import { type ConditionTexts, caveatOf, condition } from "../condition.ts";
import { field, writeCount } from "../field.ts";
import { typedCount } from "../flag.ts";
import { readInteger } from "../integer.ts";

const NAME = "max_depth";

export const maxDepth = condition<bigint>({
  name: NAME,
  judgedBy: "both",
  handOver: "dropped",
  fields: [
    field("maxDepth", (count, terms) => [caveatOf({ name: NAME }, writeCount(count, terms))]),
  ],
  code: "ERR_DEPTH",
  parse: readInteger,
  prohibits: (max, _access, { agentsAfter }) =>
    BigInt(agentsAfter) <= max
      ? undefined
      : { have: `at most ${max} delegations below`, need: `${agentsAfter}` },
  covers: (outer, inner) => inner <= outer,
});

export const maxDepthTexts: ConditionTexts<bigint> = {
  spec: { value: "integer", denies: "more `agent` caveats follow it than that" },
  fields: {
    maxDepth: {
      example: "1",
      flag: {
        name: "max-depth",
        value: "N",
        help: "how many delegations may follow",
        read: typedCount,
      },
    },
  },
  words: (depth) => [
    depth === 0n
      ? "no delegation below"
      : `at most ${depth} delegation${depth === 1n ? "" : "s"} below`,
  ],
};
