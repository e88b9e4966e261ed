/**
 * The fingerprint of a request: whether two requests are the same to a service. By it a treasury
 * knows the request that was priced, and a service the one that is repeated. spec/4-purchase.md
 * §4.5.
 */
import { base64Text, hexText, utf8, utf8Text } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { ADDED_ON_THE_WAY, fieldNames, OF_ONE_HOP, OF_ONE_REQUEST } from "./hop.ts";

export interface Fingerprinted {
  readonly method: string;
  readonly headers: Iterable<readonly [name: string, value: string]>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** Fields that differ when one request is sent twice, or comes by another way. */
export const VOLATILE = fieldNames(
  OF_ONE_HOP,
  ADDED_ON_THE_WAY,
  OF_ONE_REQUEST,
  "host|content-length|accept-encoding|expect|referer|date|user-agent|priority",
  "idempotency-key|(?:grpc-metadata-)?macaroon|(?:x-)?sigil-.*|mcp-session-id",
);

/**
 * The fingerprint of what was priced, by which a later request is the same one. A message of
 * JSON-RPC counts without its `id` and without `_meta`, which a client makes anew for each call.
 *
 * @param whole the fingerprint of the request, if it is known
 */
export function pricedFingerprintOf(
  request: Fingerprinted,
  url: URL,
  whole = fingerprintOf(request, url),
): string {
  const body = callIn(request);
  return body === undefined ? whole : fingerprintOf({ ...request, body }, url);
}

const JSON_TYPE = /^application\/json *(?:;|$)/i;

/**
 * The call of a JSON-RPC message, without what differs when it is made again. Undefined for any
 * other body, and for one that another reader could read differently, such as one that repeats a
 * key: it counts byte by byte.
 */
function callIn({ headers, body }: Fingerprinted): Uint8Array<ArrayBuffer> | undefined {
  const types = [...headers].filter(([name]) => name.toLowerCase() === "content-type");
  if (body === undefined || types.length !== 1 || !JSON_TYPE.test(types[0]![1].trim()))
    return undefined;
  const text = utf8Text(body);
  const message = text === undefined ? undefined : readMessage(text);
  if (message === undefined) return undefined;
  const { id: _id, params, ...rest } = message;
  if (!isObject(params)) return utf8(JSON.stringify({ ...rest, params, id: 0 }));
  const { _meta, ...others } = params;
  return utf8(JSON.stringify({ ...rest, params: others, id: 0 }));
}

/** One request of JSON-RPC 2.0, if the text is the very one that its value is written as. */
function readMessage(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const message: unknown = JSON.parse(text);
    if (!isObject(message) || JSON.stringify(message) !== text) return undefined;
    const { jsonrpc, method, id } = message;
    const isCall = typeof id === "string" || typeof id === "number";
    return jsonrpc === "2.0" && typeof method === "string" && isCall ? message : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Hex SHA-256 of what an answer or a price may depend on: method, URL, header fields and body.
 * Fields that differ each time are left out. A credential of ours in `Authorization` is for the
 * caller to leave out.
 */
export function fingerprintOf({ method, headers, body }: Fingerprinted, url: URL): string {
  const sent = new URL(url);
  sent.hash = "";
  const fields = [...headers]
    .map(([name, value]) => [name.toLowerCase(), value.trim()] as const)
    .filter(([name]) => !VOLATILE.test(name))
    // Stable: the order of the lines of one field can matter, that of different fields cannot.
    .sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
  const parts = [method, sent.href, fields, body === undefined ? null : base64Text(sha256(body))];
  return hexText(sha256(utf8(JSON.stringify(parts))));
}
