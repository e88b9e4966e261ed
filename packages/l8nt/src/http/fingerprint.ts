/**
 * The fingerprint of a request: whether two requests are the same to a service that names a price.
 * spec/4-purchase.md §4.5.
 */
import { base64Text, hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { requestFields } from "./hop.ts";

export interface Fingerprinted {
  readonly method: string;
  readonly headers: Iterable<readonly [name: string, value: string]>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** Fields that differ when one request is sent twice. */
const VOLATILE = new Set([
  "idempotency-key",
  "traceparent",
  "tracestate",
  "baggage",
  "x-request-id",
  "x-correlation-id",
  "date",
  "user-agent",
]);

/**
 * Hex SHA-256 of what a price may depend on: method, URL, header fields and body. Fields that are
 * not passed on to the service, and those that differ each time, are left out.
 */
export function fingerprintOf({ method, headers, body }: Fingerprinted, url: URL): string {
  const sent = new URL(url);
  sent.hash = "";
  const fields = requestFields(headers)
    .map(([name, value]) => [name.toLowerCase(), value.trim()] as const)
    .filter(([name]) => !VOLATILE.has(name))
    // Stable: the order of the lines of one field can matter, that of different fields cannot.
    .sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
  const parts = [method, sent.href, fields, body === undefined ? null : base64Text(sha256(body))];
  return hexText(sha256(utf8(JSON.stringify(parts))));
}
