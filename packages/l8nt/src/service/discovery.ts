/**
 * A service's well-known paths: what is sold, which caveats are enforced, revocation.
 * spec/3-challenge.md §6.
 */
import { SigilError, TokenError } from "../errors.ts";
import { authenticateFields, prepareFields, presentedIn } from "../l402/index.ts";
import type { TypeOf } from "../wire/codec.ts";
import { serviceDiscovery } from "../wire/discovery.ts";
import { readAsked, writeAnswer } from "../wire/message.ts";
import { WELL_KNOWN_PATH } from "../wire/paths.ts";
import { Refused } from "../wire/problem.ts";
import { descentIn, REVOCATIONS_PATH, revocation } from "../wire/revocation.ts";
import type { PaywallContext } from "./context.ts";
import type { RouteDescription } from "./open-routes.ts";
import { copyOfBody } from "./price.ts";
import type { Revoking } from "./revoking.ts";
import { signerOf } from "./signing.ts";

export async function discovery(
  request: Request,
  context: PaywallContext,
  routes: readonly RouteDescription[],
  revoking: Revoking,
): Promise<Response | undefined> {
  const { pathname } = new URL(request.url);
  if (pathname === WELL_KNOWN_PATH && request.method === "GET")
    return writeAnswer(serviceDiscovery, describe(context, routes));
  if (pathname !== REVOCATIONS_PATH) return undefined;
  if (request.method === "POST") return revoke(request, context, revoking);
  if (request.method === "GET") return revoking.feed?.(request);
  return undefined;
}

const describe = (
  { authority, base, stated }: PaywallContext,
  routes: readonly RouteDescription[],
): TypeOf<NonNullable<typeof serviceDiscovery.answer>> => ({
  version: "0",
  location: authority.location,
  ...(authority.service !== undefined && { service: authority.service }),
  caveats: stated.enforced,
  ...(stated.issuers !== undefined && { issuers: stated.issuers }),
  revocations: base.path + REVOCATIONS_PATH,
  routes,
});

/**
 * The holder of a credential revokes what descends from it: the request presents the ancestor's
 * credential, and the caveats or blocks that lead to the child.
 */
async function revoke(
  request: Request,
  context: PaywallContext,
  revoking: Revoking,
): Promise<Response> {
  const { verifier, clock, stated } = context;
  try {
    const presented = presentedIn(request.headers);
    await prepareFields(verifier, presented);
    const ancestor = authenticateFields(verifier, presented);
    if (ancestor === undefined)
      throw new TokenError("ERR_TOKEN_MISSING", "Revoking takes the credential of an ancestor.");
    const { pathname, search } = new URL(request.url);
    const holder =
      ancestor.holders.length === 0
        ? null
        : await signerOf(context, ancestor, {
            method: request.method,
            target: pathname + search,
            headers: request.headers,
            body: () => copyOfBody(request),
          });
    ancestor.demand({ now: clock(), target: "self", holder });
    const { body } = await readAsked(revocation, request, {});
    return writeAnswer(revocation, { node: await revoking.below(ancestor, descentIn(body)) });
  } catch (error) {
    if (!(error instanceof SigilError)) throw error;
    return new Refused(error, stated).response;
  }
}
