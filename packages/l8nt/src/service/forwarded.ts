/** The fields of a request without its credential, for a handler that sends them on. */
import { withoutOurs } from "../l402/authorization.ts";
import { CREDENTIAL_FIELDS } from "../l402/index.ts";

/** Fields as `Headers`, or as `incoming.headers` of Node. */
export type GivenHeaders =
  | Headers
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The fields of a request without the credential of ours, and with the API's own `Authorization`. A
 * handler that asks another service with the fields that it was given would hand it the credential,
 * which can be spent there again.
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
  const [authorization, ...others] = CREDENTIAL_FIELDS;
  const own = withoutOurs(headers.get(authorization) ?? "");
  if (own === undefined || own === "") headers.delete(authorization);
  else headers.set(authorization, own);
  for (const name of others) headers.delete(name);
  return headers;
}
