/**
 * L402 inside of MCP messages: the keys of `_meta`, and the URL that stands for a tool call.
 * spec/8-mcp.md §1–2.
 */

import { PREFER_FIELD } from "../http/prefer.ts";
import { mentionsCredential } from "../l402/authorization.ts";
import { type Presented, presentedIn } from "../l402/index.ts";

/** Key in a request: `base64(macaroon):hex(preimage)`. */
export const CREDENTIAL = "dev.l8nt/credential";
/** Key in a result: what to pay, and for which URL. */
export const CHALLENGE = "dev.l8nt/challenge";
/** Key in a result: problem details (RFC 9457) of a refusal. */
export const PROBLEM = "dev.l8nt/problem";
/** Key in a result: what became of the use, `consumed` or `released`. */
export const USE = "dev.l8nt/use";
/** Key in a request: what the field `Prefer` says over HTTP. */
export const PREFER = "dev.l8nt/prefer";
/** Key in a request: a text that a repeated call has, too. */
export const IDEMPOTENCY_KEY = "dev.l8nt/idempotency-key";
/** The three keys of the "Payment" scheme's MCP transport, which L402 fits into. */
export const PAYMENT_REQUIRED = "org.paymentauth/payment-required";
export const PAYMENT_CREDENTIAL = "org.paymentauth/credential";
export const PAYMENT_RECEIPT = "org.paymentauth/receipt";

export type Members = Readonly<Record<string, unknown>>;

/** Result of a tool call, in both majors of the SDK. */
export interface ToolResult {
  content: { type: "text"; text: string }[];
  isError?: boolean;
  _meta?: Record<string, unknown>;
  [member: string]: unknown;
}

/** Second argument of a tool's handler: `extra` in 1.x of the SDK, `ctx` in 2.x. */
export interface CallContext {
  readonly _meta?: unknown;
  readonly signal?: AbortSignal;
  readonly requestInfo?: { readonly headers?: unknown } | undefined;
  readonly mcpReq?: { readonly _meta?: unknown; readonly signal?: AbortSignal } | undefined;
  readonly http?: { readonly req?: unknown } | undefined;
}

const TOOL_NAME = /^[A-Za-z0-9_.-]{1,128}$/;

/** MCP's rule for names, without the names that a URL path drops (`.` and `..`). */
export const isToolName = (name: unknown): name is string =>
  typeof name === "string" && TOOL_NAME.test(name) && !/^\.+$/.test(name);

export const toolPath = (name: string): string => `/mcp/tools/${name}`;

export const members = (value: unknown): Members =>
  typeof value === "object" && value !== null ? (value as Members) : {};

/** Stands for a value of the wrong type, which counts as a malformed credential and not as none. */
const UNREADABLE = "?";

/** The credentials in a request's `_meta`, under either key, as the value of `Authorization`. */
export function authorizationIn(meta: unknown): string | undefined {
  const { [CREDENTIAL]: ours, [PAYMENT_CREDENTIAL]: theirs } = members(meta);
  const texts = [
    ...(ours === undefined ? [] : [typeof ours === "string" ? ours : UNREADABLE]),
    ...(theirs === undefined ? [] : [paymentCredential(theirs)]),
  ];
  return texts.length === 0 ? undefined : texts.map((text) => `L402 ${text}`).join(", ");
}

/** The challenge's id is the macaroon, and the payload is the preimage. Nothing else is read. */
function paymentCredential(value: unknown): string {
  const { challenge, payload } = members(value);
  const { id, method } = members(challenge);
  const { preimage } = members(payload);
  const isOurs = method === "lightning" && typeof id === "string" && typeof preimage === "string";
  return isOurs ? `${id}:${preimage}` : UNREADABLE;
}

/**
 * The credentials of a call, from `_meta` and, over HTTP, from the fields of the request; never
 * from a tool's arguments. Two different credentials stay two.
 */
export function presentedBy(context: CallContext): Required<Presented> {
  const inBand = authorizationIn(metaOf(context));
  const { authorization, macaroon } = presentedIn(headersOf(context));
  // A field of another scheme authenticates the connection, and is not a second credential.
  const lines = [inBand, mentionsCredential(authorization ?? "") ? authorization : undefined];
  const given = lines.filter((line) => typeof line === "string");
  return {
    authorization: given.length === 0 ? undefined : given.join(", "),
    macaroon: macaroon ?? undefined,
  };
}

export const metaOf = (context: CallContext): unknown => context.mcpReq?._meta ?? context._meta;

/**
 * The key of a call that may be repeated: the field of the HTTP request, or else the text in
 * `_meta`. A treasury that relays the call for one of several agents puts its own key in the field.
 */
export function idempotencyKeyOf(context: CallContext): string | undefined {
  const { [IDEMPOTENCY_KEY]: key } = members(metaOf(context));
  return headersOf(context).get("idempotency-key") ?? (typeof key === "string" ? key : undefined);
}

/** What a call prefers: over HTTP by the field, or else by the text in `_meta`. */
export function preferOf(context: CallContext): string | undefined {
  const { [PREFER]: prefer } = members(metaOf(context));
  const field = headersOf(context).get(PREFER_FIELD);
  const lines = [field, prefer].filter((line) => typeof line === "string");
  return lines.length === 0 ? undefined : lines.join(", ");
}

export const signalOf = (context: CallContext): AbortSignal | undefined =>
  context.mcpReq?.signal ?? context.signal;

/** The fields of the HTTP request that a call came in; none on a pipe. */
export function headersOf({ requestInfo, http }: CallContext): Headers {
  if (http?.req instanceof Request) return http.req.headers;
  if (requestInfo?.headers instanceof Headers) return requestInfo.headers;
  const headers = new Headers();
  for (const [name, value] of Object.entries(members(requestInfo?.headers)))
    for (const line of Array.isArray(value) ? value : [value])
      if (typeof line === "string") headers.append(name, line);
  return headers;
}
