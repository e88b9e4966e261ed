/**
 * How L402 travels inside MCP messages: the keys of `_meta`, and the URL that a tool call is judged
 * as. spec/8-mcp.md §1–2.
 */

import { mentionsCredential } from "../l402/authorization.ts";
import { type Presented, presentedIn } from "../l402/index.ts";

/** In a request: `base64(macaroon):hex(preimage)`. */
export const CREDENTIAL = "dev.l8nt/credential";
/** In a result: what is to be paid, and for which URL. */
export const CHALLENGE = "dev.l8nt/challenge";
/** In a result: problem details (RFC 9457) of every refusal. */
export const PROBLEM = "dev.l8nt/problem";
/** The same three of the "Payment" scheme's MCP transport, where L402 fits in. */
export const PAYMENT_REQUIRED = "org.paymentauth/payment-required";
export const PAYMENT_CREDENTIAL = "org.paymentauth/credential";
export const PAYMENT_RECEIPT = "org.paymentauth/receipt";

export type Members = Readonly<Record<string, unknown>>;

/** The result of a tool call, as both majors of the SDK have it. */
export interface ToolResult {
  content: { type: "text"; text: string }[];
  isError?: boolean;
  _meta?: Record<string, unknown>;
  [member: string]: unknown;
}

/** What a tool's handler is told of its request: `extra` in 1.x of the SDK, `ctx` in 2.x. */
export interface CallContext {
  readonly _meta?: unknown;
  readonly signal?: AbortSignal;
  readonly requestInfo?: { readonly headers?: unknown } | undefined;
  readonly mcpReq?: { readonly _meta?: unknown; readonly signal?: AbortSignal } | undefined;
  readonly http?: { readonly req?: unknown } | undefined;
}

const TOOL_NAME = /^[A-Za-z0-9_.-]{1,128}$/;

/** MCP's own rule for names, without those that a path would swallow. */
export const isToolName = (name: unknown): name is string =>
  typeof name === "string" && TOOL_NAME.test(name) && !/^\.+$/.test(name);

export const toolPath = (name: string): string => `/mcp/tools/${name}`;

export const members = (value: unknown): Members =>
  typeof value === "object" && value !== null ? (value as Members) : {};

/** No credential has this text: what is of the wrong type is malformed, not absent. */
const UNREADABLE = "?";

/**
 * The credential that a request's `_meta` carries, under either key; as an `Authorization` value,
 * so that one reader judges all.
 */
export function authorizationIn(meta: unknown): string | undefined {
  const { [CREDENTIAL]: ours, [PAYMENT_CREDENTIAL]: theirs } = members(meta);
  const texts = [
    ...(ours === undefined ? [] : [typeof ours === "string" ? ours : UNREADABLE]),
    ...(theirs === undefined ? [] : [paymentCredential(theirs)]),
  ];
  return texts.length === 0 ? undefined : texts.map((text) => `L402 ${text}`).join(", ");
}

/**
 * Its challenge's id is our macaroon, and its payload the preimage. Nothing else that it echoes is
 * believed, or read.
 */
function paymentCredential(value: unknown): string {
  const { challenge, payload } = members(value);
  const { id, method } = members(challenge);
  const { preimage } = members(payload);
  const isOurs = method === "lightning" && typeof id === "string" && typeof preimage === "string";
  return isOurs ? `${id}:${preimage}` : UNREADABLE;
}

/**
 * From `_meta` and, over HTTP, from the fields of the request; never from a tool's arguments. Two
 * different ones are two.
 */
export function presentedBy(context: CallContext): Required<Presented> {
  const inBand = authorizationIn(metaOf(context));
  const { authorization, macaroon } = presentedIn(headersOf(context));
  // Another scheme's field is for whoever guards the connection, and not a second credential.
  const lines = [inBand, mentionsCredential(authorization ?? "") ? authorization : undefined];
  const given = lines.filter((line) => typeof line === "string");
  return {
    authorization: given.length === 0 ? undefined : given.join(", "),
    macaroon: macaroon ?? undefined,
  };
}

export const metaOf = (context: CallContext): unknown => context.mcpReq?._meta ?? context._meta;

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
