/**
 * The treasury's HTTP side: one table of routes, from which come the answers and the OpenAPI
 * document.
 */
import {
  AdapterError,
  ChallengeError,
  DeniedError,
  PaymentError,
  SigilError,
  TokenError,
} from "../errors.ts";
import { readAuthorization } from "../l402/index.ts";
import { problemOf, problemResponse, unauthorizedResponse } from "../wire/problem.ts";
import type { Schema } from "../wire/schema.ts";
import type { TreasuryCore } from "./treasury.ts";

/** One request, as a route sees it. */
export interface Call {
  readonly treasury: TreasuryCore;
  readonly request: Request;
  readonly query: URLSearchParams;
  /** What stands in the path where the route has `{name}`. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The text of the credential; empty where the route asks for none. */
  readonly credential: string;
}

export interface Route {
  readonly method: "GET" | "POST";
  /** `{name}` stands for one segment. */
  readonly path: string;
  readonly summary: string;
  /** Whose credential it takes. */
  readonly credential: "none" | "agent" | "owner";
  readonly query?: Readonly<Record<string, Schema>>;
  readonly body?: Schema;
  /** Of status 200; undefined where it is whatever a service answered. */
  readonly answer?: Schema;
  readonly contentType?: string;
  handle(call: Call): Promise<Response>;
}

/** A Web-standard handler of these routes. What is not among them is 404, whoever asks. */
export function routesHandler(
  treasury: TreasuryCore,
  routes: readonly Route[],
  admit: (route: Route, request: Request, url: URL) => string,
): (request: Request) => Promise<Response> {
  const { host } = new URL(treasury.location);
  return async (request) => {
    try {
      refuseBrowsers(request, host);
      const url = new URL(request.url);
      const [route, parameters] = routeOf(routes, request.method, url.pathname) ?? [];
      if (route === undefined || parameters === undefined) return notFound(request);
      const credential = admit(route, request, url);
      return await route.handle({
        treasury,
        request,
        query: url.searchParams,
        parameters,
        credential,
      });
    } catch (error) {
      return refusal(error, treasury.authority.vocabulary.names);
    }
  };
}

function routeOf(
  routes: readonly Route[],
  method: string,
  pathname: string,
): readonly [Route, Readonly<Record<string, string>>] | undefined {
  for (const route of routes) {
    if (route.method !== method) continue;
    const [asked, pattern] = [pathname.split("/"), route.path.split("/")];
    if (asked.length !== pattern.length) continue;
    const parameters: Record<string, string> = {};
    const fits = pattern.every((segment, at) => {
      if (!segment.startsWith("{")) return segment === asked[at];
      parameters[segment.slice(1, -1)] = asked[at]!;
      return asked[at] !== "";
    });
    if (fits) return [route, parameters];
  }
  return undefined;
}

/** Whoever has no credential is not told what there is. @throws TokenError */
function notFound(request: Request): Response {
  presented(request);
  const error = new AdapterError("ERR_REQUEST", "The treasury has no such endpoint.");
  return problemResponse(problemOf(404, error));
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
function refuseBrowsers(request: Request, host: string): void {
  if (request.headers.has("origin") || request.headers.has("sec-fetch-site"))
    throw new AdapterError("ERR_REQUEST", "The treasury does not answer browsers.");
  const named = request.headers.get("host");
  if (named !== null && named !== host)
    throw new AdapterError("ERR_REQUEST", "The Host field is not this treasury's.");
}

function refusal(error: unknown, enforced: readonly string[]): Response {
  if (!(error instanceof SigilError)) throw error;
  const status = statusOf(error);
  return status === 401
    ? unauthorizedResponse(error, enforced)
    : problemResponse(problemOf(status, error));
}

/** 402 is left out: what a treasury sells is not for sale to whoever lacks a credential. */
function statusOf(error: SigilError): number {
  if (error instanceof TokenError) return error.code === "ERR_TOKEN_AMBIGUOUS" ? 400 : 401;
  if (error instanceof DeniedError) return error.code === "ERR_REVOCATION_UNKNOWN" ? 503 : 403;
  if (error instanceof ChallengeError || error instanceof PaymentError) return 502;
  if (error.code === "ERR_REQUEST") return 400;
  if (error.code === "ERR_TOO_LARGE") return 413;
  if (error.code === "ERR_RATE_LIMITED") return 429;
  return error.code === "ERR_SERVICE_UNREACHABLE" ? 502 : 503;
}

/** A number in a query: whole, and at most `max`. @throws AdapterError `ERR_REQUEST` */
export function countIn(
  query: URLSearchParams,
  name: string,
  otherwise: number,
  max: number,
): number {
  const given = query.get(name);
  if (given === null) return otherwise;
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(given) || Number(given) > max)
    throw new AdapterError("ERR_REQUEST", `${name} is a whole number, ${max} at most.`);
  return Number(given);
}

/** An object with these members and no others. @throws AdapterError `ERR_REQUEST` */
export function membersOf(
  json: unknown,
  what: string,
  members: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new AdapterError("ERR_REQUEST", `The ${what} cannot be read: it is no JSON object.`);
  const unknown = Object.keys(json).find((key) => !members.includes(key));
  if (unknown !== undefined)
    throw new AdapterError(
      "ERR_REQUEST",
      `The ${what} cannot be read: it has a member that a ${what} has not (it has ${members.join(", ")}).`,
    );
  return json as Record<string, unknown>;
}
