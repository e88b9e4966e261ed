/**
 * Header fields on their way through: as lines, so that names, order and repetitions stay as they
 * were sent. RFC 9110 §7.6.1.
 */

/** Name, value, name, value: as Node reads them and undici sends them. */
export type Lines = readonly string[];

/** Fields of one connection, which say nothing beyond it. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * What undici writes itself, what is settled between a client and the gateway, and what would make
 * another request of it, or hide the usage in its answer, behind the gateway.
 */
const OF_A_REQUEST: ReadonlySet<string> = new Set([
  ...["host", "expect", "http2-settings"],
  ...["x-http-method-override", "x-http-method", "x-method-override"],
  ...["x-original-url", "x-rewrite-url", "x-goog-fieldmask"],
]);

const COLON = 0x3a;
const nothing = (): boolean => false;

/** The values of a field, by its name in lower case. */
export function valuesOf(lines: Lines, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < lines.length; at += 2)
    if (lines[at]!.length === name.length && lines[at]!.toLowerCase() === name)
      values.push(lines[at + 1]!);
  return values;
}

/** As the library reads fields: lines of one name are joined. Without pseudo-fields of HTTP/2. */
export function headersOf(lines: Lines, isDropped: (name: string) => boolean = nothing): Headers {
  const headers = new Headers();
  for (let at = 0; at < lines.length; at += 2) {
    const name = lines[at]!.toLowerCase();
    if (name.charCodeAt(0) !== COLON && !isDropped(name)) headers.append(name, lines[at + 1]!);
  }
  return headers;
}

/** The lines without those whose names, in lower case, are not to be kept. */
export function without(lines: Lines, isDropped: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let at = 0; at < lines.length; at += 2)
    if (!isDropped(lines[at]!.toLowerCase())) kept.push(lines[at]!, lines[at + 1]!);
  return kept;
}

const NONE: ReadonlySet<string> = new Set();

/** The names that `Connection` lists, which are hop-by-hop too. */
function listed(lines: Lines): ReadonlySet<string> {
  const values = valuesOf(lines, "connection");
  // As nearly every client and vendor sends it.
  if (values.length === 0 || (values.length === 1 && values[0] === "keep-alive")) return NONE;
  const names = values.flatMap((value) => value.split(","));
  return new Set(names.map((name) => name.trim().toLowerCase()));
}

/**
 * The lines of a request as the vendor gets them, without pseudo-fields of HTTP/2.
 *
 * @param isDropped what else is left out, by a name in lower case
 */
export function forUpstream(
  lines: Lines,
  isDropped: (name: string) => boolean = nothing,
): string[] {
  const names = listed(lines);
  return without(
    lines,
    (name) =>
      HOP_BY_HOP.has(name) ||
      OF_A_REQUEST.has(name) ||
      names.has(name) ||
      name.charCodeAt(0) === COLON ||
      isDropped(name),
  );
}

/** What a vendor allows to pages at its own origin says nothing of the gateway's. */
export const isOfCors = (name: string): boolean => name.startsWith("access-control-");

/** The lines of an answer as the client gets them. */
export function forClient(lines: Lines): string[] {
  const names = listed(lines);
  return without(lines, (name) => HOP_BY_HOP.has(name) || names.has(name) || isOfCors(name));
}

/** The lines of an answer, as undici gives them. */
export const linesOf = (raw: readonly (Buffer | string)[]): string[] =>
  raw.map((part) => (typeof part === "string" ? part : part.toString("latin1")));
