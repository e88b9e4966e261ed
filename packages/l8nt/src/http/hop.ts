/**
 * Which fields one party may pass on to another: RFC 9110 §7.6.1, and what is not for the other.
 */
import { isStillEncoded } from "./content-encoding.ts";

/** Fields of one connection. Whatever `Connection` names is one of them too. */
export const OF_ONE_HOP = "connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade";

/**
 * Fields by which proxies and content networks say what came by them, and from whom. Not the user
 * that a proxy has logged in: that is `X-Forwarded-User` and the like.
 */
export const ADDED_ON_THE_WAY = [
  "forwarded|x-forwarded(?:-(?!user$|email$|groups$|preferred-username$).*)?|x-real-ip|via",
  "(?:x-|true-|fastly-|fly-)?(?:cluster-)?client-ip|cf-connecting-.*|do-connecting-ip",
  "cdn-.*|cf-(?:ray|visitor|ipcountry|ew-via|worker)|fly-forwarded-.*|fly-region",
  "x-amz-cf-id|x-amzn-trace-id|x-azure-(?:ref|clientip|socketip|requestchain)|x-arr-.*",
  "x-vercel-(?:id|forwarded-for|proxied-for)|x-envoy-.*|x-varnish|x-request-start|early-data",
].join("|");

/** Fields that name one request among all, and where its client is: in them is no route. */
export const OF_ONE_REQUEST = [
  "traceparent|tracestate|baggage|b3|x-b3-.*|x-cloud-trace-context|sentry-trace|x-datadog-.*",
  "(?:[a-z-]+-)?(?:request|correlation|trace)-id|x-unique-id|x-request-start|via",
  "cf-ray|x-amz-cf-id|x-amzn-trace-id|x-azure-(?:ref|requestchain)|x-vercel-id",
  "forwarded|x-forwarded-for|x-real-ip|(?:x-|true-|fastly-|fly-)?(?:cluster-)?client-ip",
].join("|");

export const fieldNames = (...patterns: readonly string[]): RegExp =>
  new RegExp(`^(?:${patterns.join("|")})$`, "i");

/**
 * Fields that are withheld from a request to another party: of one hop, of an identity that is not
 * meant for that party, Sigil's own, and those that make another request of this one. An
 * `Authorization` is meant for the party that the request names; that it has no credential of ours
 * is for the caller to see to. [cases 38, 93, 94]
 */
const WITHHELD_FROM_REQUEST = fieldNames(
  OF_ONE_HOP,
  "grpc-metadata-authorization|(?:grpc-metadata-)?macaroon|cookie2?",
  "host|origin|referer|expect|content-length|accept-encoding",
  ADDED_ON_THE_WAY,
  "x-forwarded-.*",
  "(?:x-)?sigil-.*",
  "x-http-method.*|x-method-override|x-original-.*|x-rewrite-.*",
);

/**
 * The length of a response is that of the hop that it came by, and so is an encoding that was
 * decoded. What became of a use is passed on: the agent must not take a refusal for an answer.
 */
const WITHHELD_FROM_RESPONSE = fieldNames(
  OF_ONE_HOP,
  "set-cookie2?|content-length|sigil-(?!use$).*",
);

type Fields = Iterable<readonly [name: string, value: string]>;

function passedOn(fields: Fields, withheld: RegExp): [name: string, value: string][] {
  const all = [...fields];
  const ofThisHop = new Set(
    all
      .filter(([name]) => name.toLowerCase() === "connection")
      .flatMap(([, value]) => value.toLowerCase().split(","))
      .map((named) => named.trim()),
  );
  return all
    .filter(([name]) => !withheld.test(name) && !ofThisHop.has(name.toLowerCase()))
    .map(([name, value]) => [name, value]);
}

/** The fields of a request that may be sent to another party. */
export const requestFields = (fields: Fields): [name: string, value: string][] =>
  passedOn(fields, WITHHELD_FROM_REQUEST);

/** A response as it may be passed on: without cookies, and without fields of the hop it came by. */
export function relayed({ body, status, statusText, headers: given }: Response): Response {
  const headers = new Headers(passedOn(given, WITHHELD_FROM_RESPONSE));
  if (!isStillEncoded(given.get(ENCODING))) headers.delete(ENCODING);
  return new Response(body, { status, statusText, headers });
}

const ENCODING = "content-encoding";
