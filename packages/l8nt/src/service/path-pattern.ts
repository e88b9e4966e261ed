/** Where a route stands: methods and a path, as `GET|POST /orders/*`. spec/2-caveats.md §3. */
import { type EndpointPattern, readEndpoint } from "../caveat/endpoint.ts";

/** Reads an endpoint pattern without its origin; undefined for anything else. */
export const readPathPattern = (text: string): EndpointPattern | undefined =>
  /^\S+ \//.test(text) ? readEndpoint(text.replace(" /", " https://any.example/")) : undefined;

/**
 * The pattern of a router in the form of `grants.endpoints`; undefined for one that this form
 * cannot say: a regular expression, an optional part, or a parameter that is part of a segment.
 *
 * @param methods in upper case, or `*`
 * @param path as Express, Fastify and Hono write it: `/items/:id`, `/files/*`, `/files/*path`
 */
export function pathPatternOf(methods: readonly string[], path: unknown): string | undefined {
  if (typeof path !== "string" || !path.startsWith("/")) return undefined;
  const segments = path.slice(1).split("/");
  const stars = segments.map((segment, at) => {
    if (/^:\w+$/.test(segment)) return "*";
    if (/^\*\w*$/.test(segment)) return at === segments.length - 1 ? "**" : "*";
    // What is left has a meaning in one of the routers.
    return /[:*?+(){}[\]\\!"]/.test(segment) ? undefined : segment;
  });
  if (stars.includes(undefined)) return undefined;
  const text = `${methodsOf(methods)} /${stars.join("/")}`;
  return readPathPattern(text) === undefined ? undefined : text;
}

/** HEAD goes with GET. [case 38] */
const methodsOf = (methods: readonly string[]): string =>
  methods.includes("*")
    ? "*"
    : methods.filter((method) => method !== "HEAD" || !methods.includes("GET")).join("|");
