/**
 * `l8nt/next`: the paywall for Next.js route handlers, and for any other `(request, context) =>
 * Response`.
 */
import { checkKeys, type Keys } from "../internal/keys.ts";
import { problem } from "../node/response.ts";
import { settle } from "../node/settlement.ts";
import { factsOf } from "../service/facts.ts";
import { asGuard } from "../service/guards.ts";
import type { Grant, Paywall, Terms } from "../service/index.ts";
import { settledResponse } from "../service/settled.ts";
import { strippedRequest } from "../service/stripped.ts";

export type { Grant, Terms } from "../service/index.ts";

export type PaidRouteHandler<R extends Request, Context> = (
  request: R,
  context: Context,
  grant: Grant,
) => Response | Promise<Response>;

export interface PaidOptions {
  /**
   * The peer's address, from a source that only a trusted proxy can write. Next.js does not tell
   * it; without it all clients share one rate of challenges.
   */
  readonly clientAddress?: (request: Request) => string | undefined;
}

const OPTIONS = { clientAddress: true } satisfies Keys<PaidOptions>;

/**
 * Puts the paywall before a route handler.
 *
 * @throws TypeError for a handler behind another `paid`, if both count and on different terms
 * @example
 * export const GET = paid(paywall, { price: "10 sat" }, (request, context, grant) =>
 *   Response.json(grant.lineage),
 * );
 */
export function paid<R extends Request, Context>(
  paywall: Paywall,
  terms: Terms,
  handler: PaidRouteHandler<R, Context>,
  options: PaidOptions = {},
): (request: R, context: Context) => Promise<Response> {
  checkKeys(options, OPTIONS, "paid");
  const { clientAddress } = options;
  const route = paywall.route(terms);
  const guarded = async (request: R, context: Context): Promise<Response> => {
    const decision = await route.authorize(factsOf(request, clientAddress?.(request)));
    if (!decision.granted) return decision.response;
    let response: Response;
    try {
      response = await handler(strippedRequest(request), context, decision.grant);
    } catch (error) {
      await settle(decision, statusOf(error));
      throw error;
    }
    return settledResponse(response, decision, (status) => settle(decision, status));
  };
  return asGuard(guarded, route, handler);
}

/** Next.js answers 500 to an error, except to those of `redirect()`, `notFound()` and the like. */
function statusOf(error: unknown): number {
  const digest = String((error as { digest?: unknown } | null | undefined)?.digest);
  return Number(/^NEXT_(?:REDIRECT;.*;|HTTP_ERROR_FALLBACK;)(\d{3})\b/.exec(digest)?.[1] ?? 500);
}

/**
 * Answers `/.well-known/l402` and the revocations below it, from
 * `app/.well-known/l402/[[...below]]/route.ts`.
 *
 * @example
 * export const GET = wellKnown(paywall), POST = GET;
 */
export function wellKnown(paywall: Paywall): (request: Request) => Promise<Response> {
  return async (request) => (await paywall.wellKnown(request)) ?? problem(404, "Not found");
}
