/** `max_uses` and its windows: the most requests. spec/2-caveats.md §5. */
import { type Condition, type ConditionTexts, caveatOf, condition } from "../condition.ts";
import { field, writeCount } from "../field.ts";
import { typedCount } from "../flag.ts";
import { readInteger } from "../integer.ts";
import { DAY, HOUR, MINUTE, type Window, windowWords } from "../window.ts";

interface Span {
  readonly key: "maxUses" | "maxUsesPerMinute" | "maxUsesPerHour" | "maxUsesPerDay";
  readonly window?: Window;
}

function ofSpan({ key, window }: Span): Condition<bigint> {
  const name = `max_uses${window?.suffix ?? ""}`;
  return condition<bigint>({
    name,
    judgedBy: "both",
    // One service cannot count what happens at another.
    handOver: "relay",
    fields: [field(key, (count, terms) => [caveatOf({ name }, writeCount(count, terms))])],
    code: "ERR_USES",
    parse: readInteger,
    limit: (max) =>
      window === undefined
        ? { kind: "uses", max }
        : { kind: "uses", max, windowSeconds: window.seconds },
    covers: (outer, inner) => inner <= outer,
  });
}

export const maxUses = ofSpan({ key: "maxUses" });

export const uses: readonly Condition<bigint>[] = [
  maxUses,
  ofSpan({ key: "maxUsesPerMinute", window: MINUTE }),
  ofSpan({ key: "maxUsesPerHour", window: HOUR }),
  ofSpan({ key: "maxUsesPerDay", window: DAY }),
];

export const maxUsesTexts: ConditionTexts<bigint> = {
  spec: { value: "integer", denies: "the uses would pass it" },
  words: (count, _now, { limit }) => [
    `${count} ${count === 1n ? "request" : "requests"} ${windowWords(limit!(count as never).windowSeconds)}`,
  ],
  fields: {
    maxUses: {
      example: "100",
      flag: { name: "max-uses", value: "N", help: "requests in all", read: typedCount },
    },
    maxUsesPerMinute: {
      example: "100",
      flag: {
        name: "max-uses-per-minute",
        value: "N",
        help: "requests within any minute",
        read: typedCount,
      },
    },
    maxUsesPerHour: {
      example: "100",
      flag: {
        name: "max-uses-per-hour",
        value: "N",
        help: "requests within any hour",
        read: typedCount,
      },
    },
    maxUsesPerDay: {
      example: "100",
      flag: {
        name: "max-uses-per-day",
        value: "N",
        help: "requests within any day",
        read: typedCount,
      },
    },
  },
};
