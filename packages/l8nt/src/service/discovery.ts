/**
 * `/.well-known/l402`: what is sold here and which caveats are enforced; and below it, where
 * holders revoke. spec/3-challenge.md §6.
 */
import { AdapterError, DeniedError, TokenError } from "../errors.ts";
import { FEED_PATH } from "../feed/index.ts";
import { readJson } from "../http/body.ts";
import type { AmountText } from "../invoice/index.ts";
import { type Authority, presentedIn } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import { problemOf, problemResponse } from "../wire/problem.ts";
import { isSilence, refuseToken } from "./answer.ts";
import type { Revoking } from "./revoking.ts";
import type { Route } from "./route.ts";

export const WELL_KNOWN_PATH = "/.well-known/l402";
const STATUS: Readonly<Record<string, number>> = {
  ERR_TOO_LARGE: 413,
  ERR_RATE_LIMITED: 429,
  ERR_STORE: 503,
};
const MAX_BODY_BYTES = 65_536;

export async function discovery(
  request: Request,
  authority: Authority,
  routes: readonly Route[],
  clock: Clock,
  revoking: Revoking,
): Promise<Response | undefined> {
  const { pathname } = new URL(request.url);
  if (pathname === WELL_KNOWN_PATH && request.method === "GET")
    return Response.json(describe(authority, routes));
  if (pathname !== FEED_PATH) return undefined;
  if (request.method === "POST") return revoke(request, authority, clock, revoking);
  if (request.method === "GET") return revoking.feed?.(request);
  return undefined;
}

function describe(authority: Authority, routes: readonly Route[]): Record<string, unknown> {
  return {
    version: "0",
    location: authority.location,
    service: authority.service,
    caveats: authority.vocabulary.names,
    revocations: FEED_PATH,
    routes: routes.map(({ terms: { price, grants, capability } }) => ({
      price:
        price === undefined
          ? null
          : typeof price === "function"
            ? "depends on the request"
            : withUnit(price),
      grants: {
        ...grants,
        ...(grants?.budget !== undefined && { budget: withUnit(grants.budget) }),
      },
      capability,
    })),
  };
}

const withUnit = (amount: AmountText): string =>
  typeof amount === "bigint" ? `${amount} msat` : amount;

/**
 * Whoever holds a credential revokes what descends from it: he presents his own, and the caveats
 * that lead to the child.
 */
async function revoke(
  request: Request,
  authority: Authority,
  clock: Clock,
  revoking: Revoking,
): Promise<Response> {
  try {
    const ancestor = authority.authorize(presentedIn(request.headers));
    if (ancestor === undefined)
      throw new TokenError("ERR_TOKEN_MISSING", "Revoking takes the credential of an ancestor.");
    ancestor.demand({ now: clock(), target: "self" });
    return Response.json({
      node: await revoking.below(ancestor, await readJson(request, MAX_BODY_BYTES)),
    });
  } catch (error) {
    if (error instanceof TokenError) return refuseToken(error, authority.vocabulary.names).response;
    if (error instanceof DeniedError)
      return problemResponse(problemOf(isSilence(error) ? 503 : 403, error));
    if (error instanceof AdapterError)
      return problemResponse(problemOf(STATUS[error.code] ?? 400, error));
    throw error;
  }
}
