/** The treasury over HTTP, for agents: purchases, revocations, budgets. spec/4-purchase.md §7. */
import { lazily } from "../internal/lazily.ts";
import { PAGE_ROWS } from "../ports/owner.ts";
import { openApiDocument, treasuryDiscovery } from "../wire/discovery.ts";
import { type AnyMessage, jsonAnswer, writeAnswer } from "../wire/message.ts";
import { ownStanding, ownTree } from "../wire/nodes.ts";
import { openApi } from "../wire/openapi.ts";
import { answeredOrders, purchase, writePurchase } from "../wire/purchase.ts";
import { ownReceipts } from "../wire/receipts.ts";
import { descentIn, revocation } from "../wire/revocation.ts";
import { AGENT_MESSAGES, OWNER_MESSAGES } from "../wire/treasury.ts";
import { keyPage } from "./key-page.ts";
import { presented, type Route, responding, route, routesHandler } from "./routes.ts";
import type { TreasuryCore } from "./treasury.ts";

/** What a request takes in memory, besides its body. */
const BYTES = 16_384;
/** Of messages whose answers grow with what has happened. */
const ANSWER_BYTES: ReadonlyMap<AnyMessage, number> = new Map<AnyMessage, number>([
  [ownStanding, 1024 * 1024],
  [ownTree, 1024 * 1024],
  [ownReceipts, 1024 * 1024],
]);

/** Kept as text: it is long, always the same, and anybody may ask for it. */
const documents = new WeakMap<TreasuryCore, string>();
const documentOf = ({ location }: TreasuryCore): Promise<string> =>
  writeAnswer(openApiDocument, openApi(location, [...AGENT_MESSAGES, ...OWNER_MESSAGES])).text();

const AGENT_ROUTES: readonly Route[] = [
  route(treasuryDiscovery, ({ treasury: { authority, location } }) => ({
    version: "0",
    location,
    caveats: authority.vocabulary.names,
    purchases: purchase.path,
    revocations: revocation.path,
    openapi: openApiDocument.path,
  })),
  responding(openApiDocument, async ({ treasury }) => {
    const text = documents.get(treasury) ?? (await documentOf(treasury));
    documents.set(treasury, text);
    return jsonAnswer(text);
  }),
  responding(purchase, async ({ treasury, request: { signal }, credential, asker, body }) =>
    writePurchase(await treasury.buyRemotely({ headers: [], ...body, credential, signal }, asker)),
  ),
  route(answeredOrders, async ({ treasury, asker, body }) => {
    await treasury.answered(asker, body.orders);
    return { done: true };
  }),
  route(revocation, async ({ treasury, asker, body }) => ({
    node: await treasury.revoke(asker, descentIn(body)),
  })),
  route(ownStanding, async ({ treasury, asker }) => ({ nodes: await treasury.standing(asker) })),
  route(ownTree, ({ treasury, asker, query }) => treasury.treePage(asker, query)),
  route(ownReceipts, async ({ treasury, asker, query: { after = 0, limit = PAGE_ROWS } }) => ({
    receipts: await treasury.receipts(asker, after, limit),
  })),
];

/** A treasury that is created when it is first needed, as the one of a client is. */
export interface OpenableTreasury {
  open(): Promise<TreasuryCore>;
}

/**
 * Serves one treasury to its agents. A Web-standard handler: hand it to any server, on loopback or
 * behind TLS.
 *
 * @param treasury a treasury, or `client.treasury`
 * @throws TypeError without a treasury
 */
export function treasuryApi(
  treasury: TreasuryCore | OpenableTreasury | undefined,
): (request: Request) => Promise<Response> {
  if (treasury === undefined)
    throw new TypeError("there is no treasury to serve: a client has one only with a wallet");
  const handlerOf = (core: TreasuryCore) => {
    const routes = routesHandler(core, AGENT_ROUTES, async (message, request) => {
      if (message.audience === "none") return { credential: "" };
      const credential = presented(request);
      const size = ANSWER_BYTES.get(message) ?? BYTES;
      return { credential, ...(await core.admit(credential, size, { message, request })) };
    });
    const { keys } = core;
    if (keys === undefined) return routes;
    // Services ask for it, also by another name than that of the treasury.
    return async (request: Request) => keyPage(keys, request) ?? routes(request);
  };
  if (!("open" in treasury)) return handlerOf(treasury);
  const handler = lazily(async () => handlerOf(await treasury.open()));
  return async (request) => (await handler())(request);
}
