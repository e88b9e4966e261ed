/** The treasury over HTTP: purchases, revocations, what is left. Every answer goes to the credential that asked. spec/4-purchase.md §7. */
import {
  AdapterError,
  BudgetError,
  ChallengeError,
  DeniedError,
  PaymentError,
  SigilError,
  TokenError,
} from "../errors.ts";
import { base64Bytes } from "../internal/bytes.ts";
import { readJson } from "../internal/json.ts";
import { problemOf, problemResponse, unauthorizedResponse } from "../internal/problem.ts";
import { readAuthorization } from "../l402/index.ts";
import type { PaymentSummary, PurchaseRequest } from "../ports/treasury.ts";
import { PAYMENT_FIELD, type PurchaseBody, RELAYED_FIELD, writeJson } from "../ports/treasury-wire.ts";
import type { OpenTreasury } from "./treasury.ts";

/** A request's body in base64, and the rest. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;

/** Serves one treasury. A Web-standard handler: hand it to any server, on loopback or behind TLS. @throws TypeError without one */
export function treasuryApi(treasury: OpenTreasury | undefined): (request: Request) => Promise<Response> {
  if (treasury === undefined)
    throw new TypeError("there is no treasury to serve: a client has one only with a wallet");
  const host = new URL(treasury.location).host;
  return async (request) => {
    try {
      refuseBrowsers(request, host);
      return await answer(treasury, request);
    } catch (error) {
      return refusal(error, treasury.authority.vocabulary.names);
    }
  };
}

async function answer(treasury: OpenTreasury, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (request.method === "GET" && pathname === "/.well-known/l402") return writeJson(describe(treasury));
  const credential = readAuthorization(request.headers.get("authorization"));
  if (credential === undefined)
    throw new TokenError(
      "ERR_TOKEN_MISSING",
      "The treasury takes a credential that it minted, or one derived from it.",
    );
  switch (`${request.method} ${pathname}`) {
    case "POST /v1/purchases":
      return purchase(treasury, credential, await readJson(request, MAX_BODY_BYTES), request.signal);
    case "POST /.well-known/l402/revocations":
      return writeJson({ node: await revoke(treasury, credential, await readJson(request, MAX_BODY_BYTES)) });
    case "GET /v1/credential":
      return writeJson({ nodes: await treasury.standing(credential) });
    case "GET /v1/tree":
      return writeJson({ nodes: await treasury.tree(credential) });
    default:
      return problemResponse(
        problemOf(404, new AdapterError("ERR_REQUEST", "The treasury has no such endpoint.")),
      );
  }
}

function describe({ authority, location }: OpenTreasury): object {
  return {
    version: "0",
    location,
    caveats: authority.vocabulary.names,
    purchases: "/v1/purchases",
    revocations: "/.well-known/l402/revocations",
  };
}

async function purchase(
  treasury: OpenTreasury,
  credential: string,
  body: unknown,
  signal: AbortSignal,
): Promise<Response> {
  const bought = await treasury.buy({ ...readPurchase(credential, body), signal });
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

const MEMBERS = new Set(["method", "url", "headers", "body", "refused"]);

/** By its schema alone: there is no member for an invoice, a payee or another agent's node. [cases 85, 100] */
function readPurchase(credential: string, json: unknown): PurchaseRequest {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw malformed("it is no JSON object");
  const unknown = Object.keys(json).find((key) => !MEMBERS.has(key));
  if (unknown !== undefined)
    throw malformed(`it has a member that a purchase has not (it has ${[...MEMBERS].join(", ")})`);
  const { method, url, headers = [], body, refused } = json as Partial<PurchaseBody>;
  if (typeof method !== "string" || typeof url !== "string") throw malformed("it needs a method and a url");
  if (!Array.isArray(headers) || !headers.every(isField))
    throw malformed("headers are pairs of a name and a value");
  const bytes = body === undefined ? undefined : typeof body === "string" ? base64Bytes(body) : undefined;
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
    typeof paymentHash === "string" && /^[0-9a-f]{64}$/.test(paymentHash) && typeof delivered === "boolean"
  );
};

/** The treasury itself reads what it is asked to revoke. */
const revoke = (treasury: OpenTreasury, credential: string, json: unknown): Promise<string> =>
  treasury.revoke(credential, (Object(json) as { caveats: readonly string[] }).caveats);

/** A page in a browser, or a name that was rebound to this address, cannot speak for an agent. [case 101] */
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
  return status === 401 ? unauthorizedResponse(error, enforced) : problemResponse(problemOf(status, error));
}

/** 402 is left out: what a treasury sells is not for sale to whoever lacks a credential. */
function statusOf(error: SigilError): number {
  if (error instanceof TokenError) return error.code === "ERR_TOKEN_AMBIGUOUS" ? 400 : 401;
  if (error instanceof BudgetError || error instanceof DeniedError) return 403;
  if (error instanceof ChallengeError || error instanceof PaymentError) return 502;
  if (error.code === "ERR_REQUEST") return 400;
  if (error.code === "ERR_TOO_LARGE") return 413;
  if (error.code === "ERR_RATE_LIMITED") return 429;
  return error.code === "ERR_SERVICE_UNREACHABLE" ? 502 : 503;
}
