/**
 * Endpoint patterns: which methods, at which origin, under which path. The grammar is
 * spec/2-caveats.md §3.
 */
import { defaultPort, formatOrigin, type Origin, readPath, type Target } from "./target.ts";

export interface EndpointPattern {
  /** Undefined for any method. */
  readonly methods: ReadonlySet<string> | undefined;
  readonly scheme: Origin["scheme"];
  /** A name, `*.name` for the names below it, or `*` for any. */
  readonly host: string;
  /** Undefined for any port. */
  readonly port: number | undefined;
  readonly segments: readonly string[];
  /** Canonical. */
  readonly text: string;
}

const ENTRY =
  /^(\*|[A-Z][A-Z-]{0,31}(?:\|[A-Z][A-Z-]{0,31})*) (https?):\/\/(\[[0-9a-f:.]+\]|[a-z0-9*._-]+)(?::([1-9][0-9]{0,4}|\*))?(\/[^\s?#;]*)$/;
const HOST =
  /^(?:\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\])$/;

/**
 * Reads one entry such as `GET|POST https://api.example/orders/*`; undefined for anything else.
 */
export function readEndpoint(entry: string): EndpointPattern | undefined {
  const match = ENTRY.exec(entry);
  if (match === null) return undefined;
  const [, methodList = "", schemeText = "", host = "", portText, pathText = ""] = match;
  const scheme = schemeText as Origin["scheme"];
  const port =
    portText === undefined ? defaultPort(scheme) : portText === "*" ? undefined : Number(portText);
  if (!HOST.test(host) || (port !== undefined && port > 65_535)) return undefined;
  const path = readPath(pathText);
  if (path === undefined) return undefined;
  const segments = path.slice(1).split("/");
  // A star is a segment of its own, and `**` the last: `/a*` and `/**/b` would each have a second
  // reading.
  if (
    segments.some(
      (segment, at) =>
        segment.includes("*") &&
        segment !== "*" &&
        !(segment === "**" && at === segments.length - 1),
    )
  )
    return undefined;
  const methods = methodList === "*" ? undefined : new Set(methodList.split("|"));
  const portSuffix = port === undefined ? ":*" : port === defaultPort(scheme) ? "" : `:${port}`;
  return {
    methods,
    scheme,
    host,
    port,
    segments,
    text: `${methodList} ${scheme}://${host}${portSuffix}${path}`,
  };
}

/** Reads a whole `endpoints` value. An empty list is a list: it allows nothing. */
export function readEndpoints(value: string): readonly EndpointPattern[] | undefined {
  if (value === "") return [];
  const patterns: EndpointPattern[] = [];
  for (const entry of value.split(";")) {
    const pattern = readEndpoint(entry);
    if (pattern === undefined) return undefined;
    patterns.push(pattern);
  }
  return patterns;
}

export function matchesEndpoint(pattern: EndpointPattern, target: Target): boolean {
  return (
    matchesMethod(pattern, target.method) &&
    matchesOrigin(pattern, target.origin) &&
    matchesPath(pattern.segments, target.segments)
  );
}

/**
 * HEAD is GET without the content (RFC 9110 §9.3.2): a credential that allows GET allows less.
 * [case 38]
 */
function matchesMethod({ methods }: EndpointPattern, method: string): boolean {
  return methods === undefined || methods.has(method) || (method === "HEAD" && methods.has("GET"));
}

export function matchesOrigin(pattern: EndpointPattern, origin: Origin): boolean {
  if (pattern.scheme !== origin.scheme) return false;
  if (pattern.port !== undefined && pattern.port !== origin.port) return false;
  if (pattern.host === "*") return true;
  return pattern.host.startsWith("*.")
    ? origin.host.endsWith(pattern.host.slice(1))
    : pattern.host === origin.host;
}

/** `*` matches one segment that is not empty; a final `**` matches one or more, even empty ones. */
function matchesPath(pattern: readonly string[], path: readonly string[]): boolean {
  const open = pattern.at(-1) === "**";
  const fixed = open ? pattern.length - 1 : pattern.length;
  if (open ? path.length <= fixed : path.length !== fixed) return false;
  for (let at = 0; at < fixed; at++) {
    const segment = pattern[at];
    if (segment === "*" ? path[at] === "" : segment !== path[at]) return false;
  }
  return true;
}

/** Whether the pattern matches one method at one path; with GET also HEAD. */
export const isOneEndpoint = ({ methods, segments }: EndpointPattern): boolean =>
  methods?.size === 1 && !segments.some((segment) => segment === "*" || segment === "**");

/** Whether `outer` matches everything that `inner` matches. */
export function coversEndpoint(outer: EndpointPattern, inner: EndpointPattern): boolean {
  return (
    coversMethods(outer, inner) &&
    outer.scheme === inner.scheme &&
    (outer.port === undefined || outer.port === inner.port) &&
    coversHost(outer.host, inner.host) &&
    coversPath(outer.segments, inner.segments)
  );
}

/**
 * Whether one request may match both patterns, as far as their origins tell. Methods and paths are
 * not compared.
 */
export const endpointsMeet = (one: EndpointPattern, other: EndpointPattern): boolean =>
  one.scheme === other.scheme &&
  (one.port === undefined || other.port === undefined || one.port === other.port) &&
  (coversHost(one.host, other.host) || coversHost(other.host, one.host));

/** The pattern with `origin` written out; undefined if it matches nothing at that origin. */
export function endpointAt(pattern: EndpointPattern, origin: Origin): string | undefined {
  if (!matchesOrigin(pattern, origin)) return undefined;
  const { methods, segments } = pattern;
  const list = methods === undefined ? "*" : [...methods].join("|");
  return `${list} ${formatOrigin(origin)}/${segments.join("/")}`;
}

function coversMethods(outer: EndpointPattern, inner: EndpointPattern): boolean {
  if (outer.methods === undefined) return true;
  return (
    inner.methods !== undefined &&
    [...inner.methods].every((method) => matchesMethod(outer, method))
  );
}

function coversHost(outer: string, inner: string): boolean {
  if (outer === "*" || outer === inner) return true;
  return outer.startsWith("*.") && inner !== "*" && inner.endsWith(outer.slice(1));
}

function coversPath(outer: readonly string[], inner: readonly string[]): boolean {
  const isOpen = outer.at(-1) === "**";
  const isInnerOpen = inner.at(-1) === "**";
  const fixed = isOpen ? outer.length - 1 : outer.length;
  if (isOpen ? inner.length <= fixed : isInnerOpen || inner.length !== fixed) return false;
  return outer.slice(0, fixed).every((segment, at) => {
    const own = inner[at];
    return segment === "*" ? own !== "" && own !== "**" : segment === own;
  });
}
