/**
 * MCP messages and calls without the credential, which a server or a tool could send on.
 * spec/8-mcp.md §2 and §4.
 */
import { fieldsWithoutCredential, headersWithoutCredential } from "../service/forwarded.ts";
import { type CallContext, CREDENTIAL, headersOf, members, PAYMENT_CREDENTIAL } from "./wire.ts";

/** A message as the server behind the paywall sees it, or a batch of them. */
export function messageWithoutCredential(message: unknown): unknown {
  if (Array.isArray(message)) return message.map(messageWithoutCredential);
  const { params, ...rest } = members(message);
  const { _meta, ...others } = members(params);
  if (_meta === undefined) return message;
  return { ...rest, params: { ...others, _meta: metaWithoutCredential(_meta) } };
}

function metaWithoutCredential(meta: unknown): unknown {
  const { [CREDENTIAL]: ours, [PAYMENT_CREDENTIAL]: theirs, ...kept } = members(meta);
  return ours === undefined && theirs === undefined ? meta : kept;
}

/** The context of a call as its tool sees it. A copy: calls of one request share its fields. */
export function contextWithoutCredential(context: CallContext): CallContext {
  const { _meta, mcpReq, requestInfo, http } = context;
  const headers = headersWithoutCredential(headersOf(context));
  return {
    ...context,
    ...(_meta !== undefined && { _meta: metaWithoutCredential(_meta) }),
    ...(mcpReq !== undefined && {
      mcpReq: { ...mcpReq, _meta: metaWithoutCredential(mcpReq._meta) },
    }),
    ...(requestInfo !== undefined && {
      requestInfo: {
        ...requestInfo,
        headers:
          requestInfo.headers instanceof Headers
            ? headers
            : fieldsWithoutCredential(members(requestInfo.headers)),
      },
    }),
    ...(http?.req instanceof Request && { http: { ...http, req: bodiless(http.req, headers) } }),
  };
}

/** The SDK has read the body, and a request cannot be copied after that. */
const bodiless = ({ url, method, signal }: Request, headers: Headers): Request =>
  new Request(url, { method, headers, signal });
