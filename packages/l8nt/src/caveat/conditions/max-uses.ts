/** `max_uses` and its windows: the most requests. spec/2-caveats.md §5. */
import { type Condition, caveatOf, condition } from "../condition.ts";
import { countFlag, field, writeCount } from "../field.ts";
import { readInteger } from "../integer.ts";
import { DAY, HOUR, MINUTE, type Window } from "../window.ts";

interface Span {
  readonly key: "maxUses" | "maxUsesPerMinute" | "maxUsesPerHour" | "maxUsesPerDay";
  readonly flag: string;
  readonly help: string;
  readonly window?: Window;
}

function ofSpan({ key, flag, help, window }: Span): Condition<bigint> {
  const name = `max_uses${window?.suffix ?? ""}`;
  return condition<bigint>({
    name,
    judgedBy: "both",
    // One service cannot count what happens at another.
    handOver: "relay",
    fields: [
      field(key, {
        example: "100",
        flag: countFlag(flag, help),
        write: (count, terms) => [caveatOf({ name }, writeCount(count, terms))],
      }),
    ],
    spec: { value: "integer", denies: "the uses would pass it", code: "ERR_USES" },
    parse: readInteger,
    limit: (max) =>
      window === undefined
        ? { kind: "uses", max }
        : { kind: "uses", max, windowSeconds: window.seconds },
    covers: (outer, inner) => inner <= outer,
    words: (count) => [
      `${count} ${count === 1n ? "request" : "requests"} ${window?.words ?? "in all"}`,
    ],
  });
}

export const maxUses = ofSpan({ key: "maxUses", flag: "max-uses", help: "requests in all" });

export const uses: readonly Condition<bigint>[] = [
  maxUses,
  ofSpan({
    key: "maxUsesPerMinute",
    flag: "max-uses-per-minute",
    help: "requests within any minute",
    window: MINUTE,
  }),
  ofSpan({
    key: "maxUsesPerHour",
    flag: "max-uses-per-hour",
    help: "requests within any hour",
    window: HOUR,
  }),
  ofSpan({
    key: "maxUsesPerDay",
    flag: "max-uses-per-day",
    help: "requests within any day",
    window: DAY,
  }),
];
