/**
 * Endpoint patterns as one regular expression over the text of an access. spec/9-public-key.md §3.
 */
import type { EndpointPattern } from "./endpoint.ts";
import type { Target } from "./target.ts";

const escaped = (text: string): string => text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");

const ANY_METHOD = "[A-Z][A-Z-]*";
const ANY_HOST = "(?:[^/:\\[\\]]+|\\[[^/\\[\\]]+\\])";
const ANY_PORT = "[0-9]+";

/** What the regular expressions of endpoints are matched with: the port is always written. */
export const accessText = ({ method, origin: { scheme, host, port }, path }: Target): string =>
  `${method} ${scheme}://${host}:${port}${path}`;

/** Anchored at both ends. The syntax is common to RE2, the `regex` crate and ECMAScript. */
export const endpointsRegex = (patterns: readonly EndpointPattern[]): string =>
  `^(?:${patterns.map(one).join("|")})$`;

function one({ methods, scheme, host, port, segments }: EndpointPattern): string {
  const isOpen = segments.at(-1) === "**";
  const fixed = isOpen ? segments.slice(0, -1) : segments;
  const path = fixed.map((segment) => `/${segment === "*" ? "[^/]+" : escaped(segment)}`).join("");
  return [
    methods === undefined ? ANY_METHOD : methodsRegex(methods),
    ` ${scheme}://${hostRegex(host)}:${port ?? ANY_PORT}`,
    path,
    isOpen ? "/.*" : "",
  ].join("");
}

/** GET covers HEAD too. */
function methodsRegex(methods: ReadonlySet<string>): string {
  const names = [...new Set([...methods, ...(methods.has("GET") ? ["HEAD"] : [])])];
  return names.length === 1 ? names[0]! : `(?:${names.join("|")})`;
}

function hostRegex(host: string): string {
  if (host === "*") return ANY_HOST;
  return host.startsWith("*.") ? `[^/:\\[\\]]*${escaped(host.slice(1))}` : escaped(host);
}
