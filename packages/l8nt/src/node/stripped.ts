/**
 * Takes the credential out of a Node request before its handler, which could send it on.
 * spec/3-challenge.md §5.
 */
import type { IncomingMessage } from "node:http";
import { withoutOurs } from "../l402/authorization.ts";
import { CREDENTIAL_FIELDS } from "../l402/index.ts";

const [AUTHORIZATION, METADATA, MACAROON] = CREDENTIAL_FIELDS;

/**
 * Changes `rawHeaders`, `headers` and `headersDistinct`, in place: middleware before this one may
 * have set fields of its own. An API's own `Authorization` stays.
 *
 * @returns whether there was a credential
 */
export function stripIncoming(incoming: IncomingMessage): boolean {
  const { rawHeaders } = incoming;
  let isFound = false;
  for (let at = 0; at < rawHeaders.length; ) {
    const { length } = rawHeaders[at]!;
    const isOfInterest =
      length === AUTHORIZATION.length || length === MACAROON.length || length === METADATA.length;
    const name = isOfInterest ? rawHeaders[at]!.toLowerCase() : "";
    const isCarrier = name === AUTHORIZATION || name === MACAROON || name === METADATA;
    const line = rawHeaders[at + 1]!;
    const left = name === AUTHORIZATION ? withoutOurs(line) : undefined;
    if (!isCarrier || left === line) {
      at += 2;
      continue;
    }
    if (left === undefined) rawHeaders.splice(at, 2);
    else rawHeaders[at + 1] = left;
    isFound = true;
    replaceParsed(incoming, name);
  }
  return isFound;
}

/** Makes what is parsed of `rawHeaders`, or will be, agree with it. */
function replaceParsed(incoming: IncomingMessage, name: string): void {
  const { rawHeaders } = incoming;
  const lines = name === AUTHORIZATION ? linesIn(rawHeaders) : NONE;
  const isCounted = setCount(incoming, rawHeaders.length);
  const { headers } = incoming;
  // Of several lines of `Authorization`, Node takes the first, unless its server joins them.
  const { joinDuplicateHeaders: joins } = incoming as { joinDuplicateHeaders?: boolean | null };
  if (lines.length === 0) delete headers[name];
  else headers[name] = joins === true ? lines.join(", ") : lines[0]!;
  // Made anew when it is read.
  if (isCounted) return;
  const { headersDistinct: distinct } = incoming as Partial<IncomingMessage>;
  if (distinct === undefined) return;
  if (lines.length === 0) delete distinct[name];
  else distinct[name] = [...lines];
}

/** Node keeps how many entries of `rawHeaders` it reads, under a symbol that it does not export. */
const COUNT = "kHeadersCount";
let count: symbol | undefined;

function setCount(incoming: IncomingMessage, length: number): boolean {
  count ??= Object.getOwnPropertySymbols(incoming).find(({ description }) => description === COUNT);
  const counts = incoming as unknown as Record<symbol, number>;
  if (count === undefined || counts[count] === undefined) return false;
  counts[count] = length;
  (incoming as { headersDistinct: unknown }).headersDistinct = undefined;
  return true;
}

const NONE: readonly string[] = [];

function linesIn(rawHeaders: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (
      rawHeaders[at]!.length === AUTHORIZATION.length &&
      rawHeaders[at]!.toLowerCase() === AUTHORIZATION
    )
      lines.push(rawHeaders[at + 1]!);
  return lines;
}
