/** The treasury's HTTP side: a table of messages and what answers each. spec/4-purchase.md §7. */
import { AdapterError, SigilError, TokenError } from "../errors.ts";
import type { Use } from "../internal/shares.ts";
import { readAuthorization } from "../l402/authorization.ts";
import { type AnyMessage, type Asked, type Message, readAsked } from "../wire/message.ts";
import { writeInParts } from "../wire/parts.ts";
import { OWNER_PATH } from "../wire/paths.ts";
import { Refused } from "../wire/problem.ts";
import { AGENT_MESSAGES } from "../wire/treasury.ts";
import type { Asker, TreasuryCore } from "./treasury.ts";

/** One request, as the function that answers it sees it. */
export interface Call<Path = unknown, Query = unknown, Body = unknown>
  extends Asked<Path, Query, Body> {
  readonly treasury: TreasuryCore;
  readonly request: Request;
  /** The text of the credential; empty if the message takes none. */
  readonly credential: string;
  /** The credential, with whose key signed the request if it is bound to one. */
  readonly asker: Asker;
}

/** A message and what answers it. */
export interface Route {
  readonly message: AnyMessage;
  answer(call: Call): Promise<Response>;
}

/** A route whose answer is the value that `handle` returns. */
export const route = <Path, Query, Body, Answer>(
  message: Message<Path, Query, Body, Answer>,
  handle: (call: Call<Path, Query, Body>) => Promise<Answer> | Answer,
): Route => responding(message, async (call) => writeInParts(message, await handle(call)));

/** A route that makes its own response. */
export const responding = <Path, Query, Body, Answer>(
  message: Message<Path, Query, Body, Answer>,
  respond: (call: Call<Path, Query, Body>) => Promise<Response>,
): Route => ({ message, answer: (call) => respond(call as Call<Path, Query, Body>) });

/** A request whose credential is proven. */
export interface Admitted {
  /** The text of the credential; empty if the message takes none. */
  readonly credential: string;
  /** What was proven of it. @default its text, which is proven anew */
  readonly asker?: Asker;
  /** The bytes of its body, in memory until it is answered. */
  readonly bytes?: Use;
  /** The same request, if its body was read and is counted in `bytes` already. */
  readonly whole?: Request | undefined;
}

/** Judges the credential of a request, of which nothing else has been read. */
export type Admit = (
  message: AnyMessage,
  request: Request,
  url: URL,
) => Admitted | Promise<Admitted>;

/**
 * A Web-standard handler of these routes. A request for anything else is answered 404. No body is
 * read for a credential that is not proven.
 */
export function routesHandler(
  treasury: TreasuryCore,
  routes: readonly Route[],
  admit: Admit,
): (request: Request) => Promise<Response> {
  const hosts = hostsOf(new URL(treasury.location));
  return async (request) => {
    try {
      refuseBrowsers(request, hosts);
      const url = new URL(request.url);
      const found = routeOf(routes, request.method, url.pathname);
      if (found === undefined) return notFound(request);
      const [{ message, answer }, segments] = found;
      const { credential, asker = credential, bytes, whole } = await admit(message, request, url);
      try {
        const asked =
          whole === undefined
            ? await readAsked(message, request, segments, bytes?.more)
            : await readAsked(message, whole, segments);
        return await answer({ ...asked, treasury, request, credential, asker });
      } finally {
        bytes?.end();
      }
    } catch (error) {
      if (!(error instanceof SigilError)) throw error;
      return new Refused(error, { enforced: treasury.authority.vocabulary.names }).response;
    }
  };
}

function routeOf(
  routes: readonly Route[],
  method: string,
  pathname: string,
): readonly [Route, Readonly<Record<string, string>>] | undefined {
  for (const candidate of routes) {
    if (candidate.message.method !== method) continue;
    const [asked, pattern] = [pathname.split("/"), candidate.message.path.split("/")];
    if (asked.length !== pattern.length) continue;
    const segments: Record<string, string> = {};
    const fits = pattern.every((segment, at) => {
      if (!segment.startsWith("{")) return segment === asked[at];
      segments[segment.slice(1, -1)] = asked[at]!;
      return asked[at] !== "";
    });
    if (fits) return [candidate, segments];
  }
  return undefined;
}

/**
 * A name for a request's path in logs and metrics: the path of an agents' message, `owner`, or
 * `other`. Nothing of what the caller wrote is in it.
 */
export function routeLabel(pathname: string): string {
  if (pathname.startsWith(`${OWNER_PATH}/`)) return "owner";
  return AGENT_MESSAGES.find(({ path }) => path === pathname)?.path ?? "other";
}

/** A caller without a credential does not learn which paths there are. @throws TokenError */
function notFound(request: Request): Response {
  presented(request);
  const error = new AdapterError("ERR_REQUEST", "The treasury has no such endpoint.");
  return new Refused(error, { status: 404 }).response;
}

/** @throws TokenError */
export function presented(request: Request): string {
  const credential = readAuthorization(request.headers.get("authorization"));
  if (credential !== undefined) return credential;
  throw new TokenError(
    "ERR_TOKEN_MISSING",
    "The treasury takes a credential that it minted, or one derived from it.",
  );
}

/**
 * A page in a browser, or a name that was rebound to this address, cannot speak for an agent. [case
 * 101]
 */
function refuseBrowsers(request: Request, hosts: readonly string[]): void {
  if (request.headers.has("origin") || request.headers.has("sec-fetch-site"))
    throw new AdapterError("ERR_REQUEST", "The treasury does not answer browsers.");
  const named = request.headers.get("host");
  if (named !== null && !hosts.includes(named.toLowerCase()))
    throw new AdapterError("ERR_REQUEST", "The Host field is not this treasury's.");
}

/**
 * The `Host` fields of a location. Node's HTTP/2 client writes out the port of https, and Caddy
 * passes that on.
 */
const hostsOf = ({ protocol, host, port }: URL): readonly string[] =>
  port === "" ? [host, `${host}:${protocol === "https:" ? 443 : 80}`] : [host];
