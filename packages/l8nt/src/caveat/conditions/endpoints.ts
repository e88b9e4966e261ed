/** `endpoints`: which requests. spec/2-caveats.md §3. */
import { type ConditionTexts, caveatOf, condition } from "../condition.ts";
import { apply, type Check, check, fact, OWN_AFFAIRS, query, text, variable } from "../datalog.ts";
import {
  coversEndpoint,
  type EndpointPattern,
  endpointAt,
  endpointsMeet,
  isOneEndpoint,
  matchesEndpoint,
  readEndpoint,
  readEndpoints,
} from "../endpoint.ts";
import { endpointsRegex } from "../endpoint-regex.ts";
import { field, writeList } from "../field.ts";
import { typedList } from "../flag.ts";
import { formatOrigin, type Origin } from "../target.ts";

const NAME = "endpoints";

const ENTRY = {
  /** People write a host in any case and a default port; the caveat holds the canonical form. */
  read: (text: string) =>
    readEndpoint(text.trim().replace(/(?<=:\/\/)[^/]+/, (host) => host.toLowerCase()))?.text,
  form: 'methods, origin and path, such as "GET https://api.example/search/*"',
};

/** The values as they are at one origin, which is written out in each entry. */
export const endpointsAt = (
  values: readonly (readonly EndpointPattern[])[],
  origin: Origin,
): readonly string[] =>
  values.map((patterns) =>
    patterns.flatMap((pattern) => endpointAt(pattern, origin) ?? []).join(";"),
  );

export const endpoints = condition<readonly EndpointPattern[]>({
  name: NAME,
  judgedBy: "both",
  // Patterns of other origins are not shown to the service.
  handOver: (values, { origin }) => endpointsAt(values, origin),
  bound: "place",
  fields: [
    field("endpoints", (entries, { what }) => [
      caveatOf({ name: NAME }, writeList(entries, { what }, ENTRY).join(";")),
    ]),
  ],
  code: "ERR_ENDPOINT",
  parse: readEndpoints,
  prohibits(patterns, { target }) {
    if (target === "self") return undefined;
    for (const pattern of patterns) if (matchesEndpoint(pattern, target)) return undefined;
    return {
      have:
        patterns.length === 0 ? "no endpoint at all" : patterns.map(({ text }) => text).join("; "),
      need: `${target.method} ${formatOrigin(target.origin)}${target.path}`,
    };
  },
  covers: (outer, inner) =>
    inner.every((pattern) => outer.some((other) => coversEndpoint(other, pattern))),
  meets: (one, other) =>
    one.some((pattern) => other.some((theirs) => endpointsMeet(pattern, theirs))),
  isOneEndpoint: (patterns) => patterns.length === 1 && patterns.every(isOneEndpoint),
});

export const endpointsCheck = (patterns: readonly EndpointPattern[]): Check =>
  check(
    ...(patterns.length === 0
      ? []
      : [
          query(
            [fact("access", variable("a"))],
            ...apply(variable("a"), "matches", text(endpointsRegex(patterns))),
          ),
        ]),
    query([OWN_AFFAIRS]),
  );

export const endpointsTexts: ConditionTexts<readonly EndpointPattern[]> = {
  spec: {
    value: "entries joined by `;` (§3)",
    denies: "no entry covers method, origin and path",
  },
  fields: {
    endpoints: {
      example: '["GET https://a.example/x/*"]',
      flag: {
        name: "endpoint",
        value: '"GET https://…"',
        help: "what may be requested; * one segment, ** the rest",
        repeatable: true,
        read: typedList,
      },
    },
  },
  words: (patterns) =>
    patterns.length === 0 ? ["no endpoint at all"] : patterns.map(({ text }) => text),
};
