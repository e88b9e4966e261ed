/** The fields of a request without its credential, which a handler could send on. */
import { mentionsCredential, withoutOurs } from "../l402/authorization.ts";
import { CREDENTIAL_FIELDS } from "../l402/index.ts";

/** Fields as `Headers`, or as `incoming.headers` of Node. */
export type GivenHeaders =
  | Headers
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The fields of a request without the credential of ours, and with the API's own `Authorization`. A
 * handler that asks another service with the fields that it was given would hand it the credential,
 * which can be spent there again. A handler behind `paid` is given fields without it already.
 *
 * @example
 * const headers = headersWithoutCredential(request.headers);
 * return fetch("https://inner.example/forecast", { headers });
 */
export function headersWithoutCredential(given: GivenHeaders): Headers {
  const headers = new Headers();
  const pairs = given instanceof Headers ? given : Object.entries(given);
  for (const [name, value] of pairs)
    if (!name.startsWith(":"))
      for (const one of [value ?? []].flat()) headers.append(name, one as string);
  stripHeaders(headers);
  return headers;
}

const [AUTHORIZATION, ...MACAROONS] = CREDENTIAL_FIELDS;

/**
 * Takes the credential out of fields.
 *
 * @throws TypeError for immutable ones, which have it still
 */
export function stripHeaders(headers: Headers): void {
  const field = headers.get(AUTHORIZATION);
  if (field !== null && mentionsCredential(field)) {
    const own = withoutOurs(field);
    if (own === undefined) headers.delete(AUTHORIZATION);
    else headers.set(AUTHORIZATION, own);
  }
  for (const name of MACAROONS) if (headers.has(name)) headers.delete(name);
}

/** Fields of an object, in its own names and lines, without the credential. */
export function fieldsWithoutCredential<F extends object>(given: F): F {
  const kept: [name: string, value: unknown][] = [];
  for (const [name, value] of Object.entries(given)) {
    const lower = name.toLowerCase();
    if (MACAROONS.some((one) => one === lower)) continue;
    if (lower !== AUTHORIZATION) kept.push([name, value]);
    else if (Array.isArray(value)) kept.push([name, value.map(ownOf).filter(isPresent)]);
    else if (isPresent(ownOf(value))) kept.push([name, ownOf(value)]);
  }
  return Object.fromEntries(kept) as F;
}

const ownOf = (line: unknown): unknown => (typeof line === "string" ? withoutOurs(line) : line);
const isPresent = (line: unknown): boolean => line !== undefined;
