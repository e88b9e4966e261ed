/**
 * The treasury over HTTP, for agents: purchases, revocations, what is left. Every answer goes to
 * the credential that asked. spec/4-purchase.md §7.
 */
import { AdapterError } from "../errors.ts";
import { readJson } from "../http/body.ts";
import { base64Bytes } from "../internal/bytes.ts";
import type { PaymentSummary, PurchaseRequest } from "../ports/treasury.ts";
import { PAYMENT_FIELD, type PurchaseBody, RELAYED_FIELD, writeJson } from "../wire/purchase.ts";
import * as schema from "../wire/schema.ts";
import { openApi } from "./openapi.ts";
import { OWNER_ROUTES } from "./owner-api.ts";
import { type Call, countIn, membersOf, presented, type Route, routesHandler } from "./routes.ts";
import type { TreasuryCore } from "./treasury.ts";

/** A request's body in base64, and the rest. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;
const MAX_RECEIPTS = 1000;

const AGENT_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/.well-known/l402",
    summary: "What this treasury is, and the conditions that it enforces",
    credential: "none",
    answer: schema.object({
      version: schema.text,
      location: schema.text,
      caveats: schema.list(schema.text),
      purchases: schema.text,
      revocations: schema.text,
      openapi: schema.text,
    }),
    handle: async ({ treasury: { authority, location } }) =>
      writeJson({
        version: "0",
        location,
        caveats: authority.vocabulary.names,
        purchases: "/v1/purchases",
        revocations: "/.well-known/l402/revocations",
        openapi: "/v1/openapi.json",
      }),
  },
  {
    method: "GET",
    path: "/v1/openapi.json",
    summary: "This document",
    credential: "none",
    answer: { type: "object" },
    handle: async ({ treasury }) =>
      writeJson(openApi(treasury.location, [...AGENT_ROUTES, ...OWNER_ROUTES])),
  },
  {
    method: "POST",
    path: "/v1/purchases",
    summary:
      "One request answered, from what is held or by paying within the credential's scope: a credential for the service, or, with the field sigil-relayed, the service's own answer",
    credential: "agent",
    body: schema.object(
      {
        method: schema.text,
        url: schema.text,
        headers: schema.list({
          type: "array",
          prefixItems: [schema.text, schema.text],
          minItems: 2,
          maxItems: 2,
        }),
        body: { type: "string", contentEncoding: "base64" },
        refused: schema.object({ paymentHash: schema.hash, delivered: schema.flag }),
      },
      "headers",
      "body",
      "refused",
    ),
    answer: schema.object({ credential: schema.text, payment: schema.payment }, "payment"),
    handle: purchase,
  },
  {
    method: "POST",
    path: "/.well-known/l402/revocations",
    summary: "Revokes the node that these caveats open below the credential",
    credential: "agent",
    body: {
      type: "object",
      properties: { caveats: schema.list(schema.text) },
      required: ["caveats"],
    },
    answer: schema.object({ node: schema.nodeId }),
    handle: async ({ treasury, request, credential }) => {
      const json = await readJson(request, MAX_BODY_BYTES);
      // The treasury itself reads what it is asked to revoke.
      const { caveats } = Object(json) as { caveats: readonly string[] };
      return writeJson({ node: await treasury.revoke(credential, caveats) });
    },
  },
  {
    method: "GET",
    path: "/v1/credential",
    summary:
      "The credential's node and its ancestors, root first: what is left everywhere it stands under",
    credential: "agent",
    answer: schema.nodes,
    handle: async ({ treasury, credential }) =>
      writeJson({ nodes: await treasury.standing(credential) }),
  },
  {
    method: "GET",
    path: "/v1/tree",
    summary: "The credential's node and all below it that the treasury has met, parents first",
    credential: "agent",
    answer: schema.nodes,
    handle: async ({ treasury, credential }) =>
      writeJson({ nodes: await treasury.tree(credential) }),
  },
  {
    method: "GET",
    path: "/v1/receipts",
    summary: "Signed receipts of what the credential's node and those below it paid, in order",
    credential: "agent",
    query: { after: schema.integer, limit: schema.integer },
    answer: schema.receipts,
    handle: async ({ treasury, credential, query }) => {
      const after = countIn(query, "after", 0, Number.MAX_SAFE_INTEGER);
      const limit = countIn(query, "limit", 100, MAX_RECEIPTS);
      return writeJson({ receipts: await treasury.receipts(credential, after, limit) });
    },
  },
];

/**
 * Serves one treasury to its agents. A Web-standard handler: hand it to any server, on loopback or
 * behind TLS. @throws TypeError without one
 */
export function treasuryApi(
  treasury: TreasuryCore | undefined,
): (request: Request) => Promise<Response> {
  if (treasury === undefined)
    throw new TypeError("there is no treasury to serve: a client has one only with a wallet");
  return routesHandler(treasury, AGENT_ROUTES, ({ credential }, request) =>
    credential === "none" ? "" : presented(request),
  );
}

async function purchase({ treasury, request, credential }: Call): Promise<Response> {
  const order = readPurchase(credential, await readJson(request, MAX_BODY_BYTES));
  const bought = await treasury.buy({ ...order, signal: request.signal });
  if (bought.kind === "credential") {
    const { credential: handed, payment } = bought;
    return writeJson({ credential: handed, ...(payment !== undefined && { payment }) });
  }
  const { response, payment } = bought;
  const headers = new Headers(response.headers);
  headers.set(RELAYED_FIELD, "1");
  if (payment !== undefined) headers.set(PAYMENT_FIELD, formatPayment(payment));
  return new Response(response.body, { status: response.status, headers });
}

const formatPayment = ({ paymentHash, amountMsat, feeMsat }: PaymentSummary): string =>
  `${paymentHash} ${amountMsat} ${feeMsat}`;

const malformed = (why: string): AdapterError =>
  new AdapterError("ERR_REQUEST", `The purchase cannot be read: ${why}.`);

const MEMBERS = ["method", "url", "headers", "body", "refused"];

/**
 * By its schema alone: there is no member for an invoice, a payee or another agent's node. [cases
 * 85, 100]
 */
function readPurchase(credential: string, json: unknown): PurchaseRequest {
  const {
    method,
    url,
    headers = [],
    body,
    refused,
  } = membersOf(json, "purchase", MEMBERS) as Partial<PurchaseBody>;
  if (typeof method !== "string" || typeof url !== "string")
    throw malformed("it needs a method and a url");
  if (!Array.isArray(headers) || !headers.every(isField))
    throw malformed("headers are pairs of a name and a value");
  const bytes =
    body === undefined ? undefined : typeof body === "string" ? base64Bytes(body) : undefined;
  if (body !== undefined && bytes === undefined) throw malformed("its body is not base64");
  if (refused !== undefined && !isRefused(refused))
    throw malformed("refused is a paymentHash and whether it was delivered");
  return {
    credential,
    method,
    url,
    headers,
    ...(bytes !== undefined && { body: bytes }),
    ...(refused !== undefined && { refused }),
  };
}

function isField(field: unknown): field is [string, string] {
  if (!Array.isArray(field) || field.length !== 2) return false;
  const [name, value] = field as unknown[];
  return (
    typeof name === "string" &&
    /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) &&
    typeof value === "string" &&
    /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
  );
}

const isRefused = (refused: unknown): boolean => {
  const { paymentHash, delivered } = Object(refused) as Record<string, unknown>;
  return (
    typeof paymentHash === "string" &&
    /^[0-9a-f]{64}$/.test(paymentHash) &&
    typeof delivered === "boolean"
  );
};
