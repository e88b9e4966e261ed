/** `endpoints`: which requests. */
import type { Condition } from "./condition.ts";
import { type EndpointPattern, matchesEndpoint, readEndpoints } from "./endpoint.ts";
import { formatOrigin } from "./target.ts";

export const endpoints: Condition<readonly EndpointPattern[]> = {
  name: "endpoints",
  parse: readEndpoints,
  prohibits(patterns, { target }) {
    if (target === "self") return undefined;
    for (const pattern of patterns) if (matchesEndpoint(pattern, target)) return undefined;
    return {
      code: "ERR_ENDPOINT",
      have:
        patterns.length === 0 ? "no endpoint at all" : patterns.map(({ text }) => text).join("; "),
      need: `${target.method} ${formatOrigin(target.origin)}${target.path}`,
    };
  },
};
