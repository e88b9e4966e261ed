/**
 * The treasury over HTTP, for its owner: everything to see, and everything to stop. Under a
 * credential that no agent's can become.
 */
import { targetOfUrl } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { readJson } from "../http/body.ts";
import type { PaymentStatus } from "../ports/payments.ts";
import { writeJson } from "../wire/purchase.ts";
import * as schema from "../wire/schema.ts";
import { countIn, membersOf, presented, type Route, routesHandler } from "./routes.ts";
import type { TreasuryCore } from "./treasury.ts";

const MAX_BODY_BYTES = 65_536;
const MAX_ROWS = 1000;
const STATUSES = ["open", "paid", "used", "failed", "undelivered"];

const page = { after: schema.integer, limit: schema.integer };
const done = schema.object({ done: schema.flag });
const read = { credential: "owner", method: "GET" } as const;
const write = { credential: "owner", method: "POST" } as const;
const answered = async (work: Promise<unknown>): Promise<Response> => {
  await work;
  return writeJson({ done: true });
};

/** A node and why. @throws AdapterError `ERR_REQUEST` */
async function nodeIn(
  request: Request,
  what: string,
): Promise<{ nodeId?: string; reason?: string }> {
  const { node, reason } = membersOf(await readJson(request, MAX_BODY_BYTES), what, [
    "node",
    "reason",
  ]);
  if (node !== undefined && typeof node !== "string")
    throw new AdapterError("ERR_REQUEST", "node is a node's id.");
  return {
    ...(node !== undefined && { nodeId: node }),
    ...(reason !== undefined && { reason: reasonOf(reason) }),
  };
}

function reasonOf(reason: unknown): string {
  if (typeof reason === "string" && /^[^\p{Cc}]{1,200}$/u.test(reason)) return reason;
  throw new AdapterError(
    "ERR_REQUEST",
    "A reason is a text of 200 characters at most, in one line.",
  );
}

const nodeBody = (...optional: readonly string[]) =>
  schema.object({ node: schema.nodeId, reason: schema.text }, "reason", ...optional);

export const OWNER_ROUTES: readonly Route[] = [
  {
    ...read,
    path: "/v1/owner/health",
    summary: "Whether the treasury spends, and what its owner should look at",
    answer: schema.health,
    handle: async ({ treasury }) => writeJson(await treasury.owner.health()),
  },
  {
    ...read,
    path: "/v1/owner/tree",
    summary: "Every node that the treasury has met, or one and all below it; parents first",
    query: { node: schema.nodeId },
    answer: schema.nodes,
    handle: async ({ treasury, query }) =>
      writeJson({ nodes: await treasury.owner.tree(query.get("node") ?? undefined) }),
  },
  {
    ...read,
    path: "/v1/owner/payments",
    summary: "Payments, the newest first",
    query: { status: schema.oneOf(...STATUSES), node: schema.nodeId, limit: schema.integer },
    answer: schema.object({ payments: schema.list(schema.paymentRecord) }),
    handle: async ({ treasury, query }) => {
      const [status, nodeId] = [query.get("status"), query.get("node")];
      if (status !== null && !STATUSES.includes(status))
        throw new AdapterError("ERR_REQUEST", `status is one of ${STATUSES.join(", ")}.`);
      const payments = await treasury.owner.payments({
        limit: countIn(query, "limit", 100, MAX_ROWS),
        ...(status !== null && { status: status as PaymentStatus }),
        ...(nodeId !== null && { nodeId }),
      });
      return writeJson({ payments });
    },
  },
  {
    ...read,
    path: "/v1/owner/journal",
    summary: "Everything that changed the books, in order",
    query: page,
    answer: schema.journal,
    handle: async ({ treasury, query }) => {
      const after = countIn(query, "after", 0, Number.MAX_SAFE_INTEGER);
      return writeJson({
        entries: await treasury.owner.journal(after, countIn(query, "limit", 100, MAX_ROWS)),
      });
    },
  },
  {
    ...read,
    path: "/v1/owner/receipts",
    summary: "Signed receipts, in order; with a node, of what it and those below it paid",
    query: { ...page, node: schema.nodeId },
    answer: schema.receipts,
    handle: async ({ treasury, query }) => {
      const after = countIn(query, "after", 0, Number.MAX_SAFE_INTEGER);
      const limit = countIn(query, "limit", 100, MAX_ROWS);
      return writeJson({
        receipts: await treasury.owner.receipts(after, limit, query.get("node") ?? undefined),
      });
    },
  },
  {
    ...write,
    path: "/v1/owner/revoke",
    summary: "Kills a node and everything below it, for good",
    body: nodeBody(),
    answer: done,
    handle: async ({ treasury, request }) => {
      const { nodeId, reason } = await nodeIn(request, "revocation");
      return answered(treasury.owner.revoke(nodeId ?? "", reason));
    },
  },
  {
    ...write,
    path: "/v1/owner/freeze",
    summary: "Stops spending by a node and those below it, or, without a node, by everyone",
    body: nodeBody("node"),
    answer: done,
    handle: async ({ treasury, request }) => {
      const { nodeId, reason } = await nodeIn(request, "freeze");
      return answered(treasury.owner.freeze(nodeId, reason));
    },
  },
  {
    ...write,
    path: "/v1/owner/thaw",
    summary: "Ends a freeze",
    body: nodeBody("node"),
    answer: done,
    handle: async ({ treasury, request }) => {
      const { nodeId, reason } = await nodeIn(request, "thaw");
      return answered(treasury.owner.thaw(nodeId, reason));
    },
  },
  {
    ...write,
    path: "/v1/owner/reconcile",
    summary: "Asks the wallet about every payment whose outcome is not known",
    body: schema.object({}),
    answer: schema.object({ stillOpen: schema.integer }),
    handle: async ({ treasury, request }) => {
      membersOf(await readJson(request, MAX_BODY_BYTES), "reconciliation", []);
      return writeJson(await treasury.owner.reconcile());
    },
  },
  {
    ...write,
    path: "/v1/owner/payees",
    summary: "Lets another node be paid for an origin",
    body: schema.object({ origin: schema.text, payee: schema.text }),
    answer: done,
    handle: async ({ treasury, request }) => {
      const json = await readJson(request, MAX_BODY_BYTES);
      const { origin, payee } = membersOf(json, "payee", ["origin", "payee"]);
      return answered(treasury.owner.allowPayee(String(origin), String(payee)));
    },
  },
  {
    ...write,
    path: "/v1/owner/payments/{hash}/give-up",
    summary: "Gives up an open payment on the owner's word that it was not made; written down",
    body: schema.object({ reason: schema.text }),
    answer: done,
    handle: async ({ treasury, request, parameters }) => {
      const { reason } = membersOf(await readJson(request, MAX_BODY_BYTES), "word", ["reason"]);
      return answered(treasury.owner.giveUp(parameters.hash!, reasonOf(reason)));
    },
  },
];

/**
 * Serves one treasury to its owner, who may narrow his credential for whoever only looks:
 * `endpoints: ["GET https://…/v1/owner/**"]`. Paths of agents are not here: put `treasuryApi`
 * beside it.
 *
 * @param more further routes under the same credential
 */
export function ownerApi(
  treasury: TreasuryCore,
  more: readonly Route[] = [],
): (request: Request) => Promise<Response> {
  const { origin } = new URL(treasury.location);
  return routesHandler(
    treasury,
    [...OWNER_ROUTES, ...more],
    (_route, request, { pathname, search }) => {
      const credential = presented(request);
      const target = targetOfUrl(request.method, new URL(origin + pathname + search));
      if (target === undefined) throw new AdapterError("ERR_REQUEST", "The path cannot be read.");
      treasury.owner.admit(credential, target);
      return credential;
    },
  );
}
