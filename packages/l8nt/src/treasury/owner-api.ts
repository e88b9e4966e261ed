/**
 * The treasury over HTTP, for its owner. It takes the owner's credential, which no agent's
 * credential can become. spec/4-purchase.md §7.
 */
import { targetOfUrl } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Explanation, TreasuryOwner } from "../ports/owner.ts";
import {
  ownerAcceptClock,
  ownerAllowPayee,
  ownerClock,
  ownerConfirmBooks,
  ownerExplain,
  ownerFreeze,
  ownerGiveUp,
  ownerHealth,
  ownerJournal,
  ownerMetrics,
  ownerPayments,
  ownerRecalls,
  ownerReceipts,
  ownerReconcile,
  ownerReopen,
  ownerRevoke,
  ownerThaw,
  ownerTree,
  ownerUnexplained,
} from "../wire/owner.ts";
import { ownerRevenue, ownerSales } from "../wire/sales.ts";
import { presented, type Route, responding, route, routesHandler } from "./routes.ts";
import type { TreasuryCore } from "./treasury.ts";

const done = async (work: Promise<void>): Promise<{ readonly done: boolean }> => {
  await work;
  return { done: true };
};

const OWNER_ROUTES: readonly Route[] = [
  route(ownerHealth, ({ treasury }) => treasury.owner.health()),
  route(ownerTree, ({ treasury, query: { node, ...page } }) =>
    treasury.owner.treePage({ ...page, ...(node !== undefined && { nodeId: node }) }),
  ),
  route(ownerPayments, async ({ treasury, query: { node, ...filter } }) => ({
    payments: await treasury.owner.payments({
      ...filter,
      ...(node !== undefined && { nodeId: node }),
    }),
  })),
  route(ownerJournal, async ({ treasury, query: { after, limit } }) => ({
    entries: await treasury.owner.journal(after, limit),
  })),
  route(ownerReceipts, async ({ treasury, query: { after, limit, node } }) => ({
    receipts: await treasury.owner.receipts(after, limit, node),
  })),
  route(ownerSales, async ({ treasury, query: { after, limit } }) => ({
    sales: await treasury.owner.sales(after, limit),
  })),
  route(ownerRevenue, async ({ treasury, query: { by } }) => ({
    totals: await treasury.owner.revenue(by),
  })),
  route(ownerRevoke, ({ treasury, body: { node, reason } }) =>
    done(treasury.owner.revoke(node, reason)),
  ),
  route(ownerRecalls, async ({ treasury, query: { node, limit } }) => ({
    recalls: await treasury.owner.recalls(node, limit),
  })),
  route(ownerFreeze, ({ treasury, body: { node, reason } }) =>
    done(treasury.owner.freeze(node, reason)),
  ),
  route(ownerThaw, ({ treasury, body: { node, reason } }) =>
    done(treasury.owner.thaw(node, reason)),
  ),
  route(ownerReconcile, ({ treasury }) => treasury.owner.reconcile()),
  route(ownerUnexplained, async ({ treasury }) => ({
    payments: await treasury.owner.unexplained(),
  })),
  route(ownerExplain, ({ treasury, parameters: { hash }, body: { as, node, reason } }) =>
    done(treasury.owner.explain(hash, explanationOf(as, node), reason)),
  ),
  route(ownerConfirmBooks, ({ treasury, body: { reason } }) =>
    done(treasury.owner.confirmBooks(reason)),
  ),
  route(ownerClock, ({ treasury }) => treasury.owner.clock()),
  route(ownerAcceptClock, ({ treasury, body: { reason } }) =>
    done(treasury.owner.acceptClock(reason)),
  ),
  route(ownerAllowPayee, ({ treasury, body: { origin, payee } }) =>
    done(treasury.owner.allowPayee(origin, payee)),
  ),
  route(ownerReopen, ({ treasury, body: { origin } }) => done(treasury.owner.reopen(origin))),
  route(ownerGiveUp, ({ treasury, parameters: { hash }, body: { reason } }) =>
    done(treasury.owner.giveUp(hash, reason)),
  ),
];

function explanationOf(as: Explanation["as"], node: string | undefined): Explanation {
  if (as !== "node") return { as };
  if (node === undefined)
    throw new AdapterError("ERR_REQUEST", 'An explanation as "node" names the node.');
  return { as, nodeId: node };
}

export interface OwnerApiOptions {
  /** Answers the owner's request for metrics. @default no metrics: 404 */
  readonly metrics?: (owner: TreasuryOwner) => Promise<Response>;
}

const OPTIONS = { metrics: true } satisfies Keys<OwnerApiOptions>;

/**
 * Serves one treasury to its owner. An owner may narrow the credential for someone who only looks:
 * `endpoints: ["GET https://…/v1/owner/**"]`. The agents' paths are not here: serve
 * `treasuryApi` beside it.
 */
export function ownerApi(
  treasury: TreasuryCore,
  options: OwnerApiOptions = {},
): (request: Request) => Promise<Response> {
  checkKeys(options, OPTIONS, "an owner's API");
  const { metrics } = options;
  const { origin } = new URL(treasury.location);
  const routes =
    metrics === undefined
      ? OWNER_ROUTES
      : [...OWNER_ROUTES, responding(ownerMetrics, (call) => metrics(call.treasury.owner))];
  return routesHandler(treasury, routes, (_message, request, { pathname, search }) => {
    const credential = presented(request);
    const target = targetOfUrl(request.method, new URL(origin + pathname + search));
    if (target === undefined) throw new AdapterError("ERR_REQUEST", "The path cannot be read.");
    treasury.owner.admit(credential, target);
    return { credential };
  });
}
