/**
 * The one credential that a request presents, in any of the header fields that clients use for it.
 * spec/3-challenge.md §4.
 */
import type { Verified, Verifier } from "../credential/index.ts";
import { TokenError } from "../errors.ts";
import { ambiguous, readAuthorization, sameCredential } from "./authorization.ts";
import { readMacaroonField } from "./macaroon-field.ts";

export interface Presented {
  /** Every `Authorization` line, joined by commas. */
  readonly authorization?: string | null | undefined;
  /** Every `Grpc-Metadata-Macaroon` and `Macaroon` line, joined by commas. */
  readonly macaroon?: string | null | undefined;
}

export function presentedIn(headers: Headers): Presented {
  const metadata = headers.get("grpc-metadata-macaroon");
  const macaroon = headers.get("macaroon");
  return {
    authorization: headers.get("authorization"),
    macaroon:
      metadata === null || macaroon === null ? (metadata ?? macaroon) : `${metadata}, ${macaroon}`,
  };
}

const PLAIN_SCHEME = "L402 ";

/**
 * Proves the credential that a request presents; undefined if it presents none of ours. Judges
 * nothing.
 *
 * @throws TokenError as `verifier.authenticate` and {@link readPresented}
 */
export function authenticateFields(verifier: Verifier, fields: Presented): Verified | undefined {
  const { authorization, macaroon } = fields;
  // A field with a credential that was proven before, in the same spelling, is not read again.
  const isAlone = macaroon === undefined || macaroon === null;
  const known =
    isAlone && authorization?.startsWith(PLAIN_SCHEME)
      ? verifier.known(authorization.slice(PLAIN_SCHEME.length))
      : undefined;
  if (known !== undefined) return known;
  const presented = readPresented({ authorization, macaroon });
  return presented === undefined ? undefined : verifier.authenticate(presented);
}

/**
 * What has to be waited for before {@link authenticateFields}; undefined if there is nothing. Never
 * rejects.
 */
export function prepareFields(verifier: Verifier, fields: Presented): Promise<void> | undefined {
  if (verifier.prepare === undefined) return undefined;
  try {
    const presented = readPresented(fields);
    return presented === undefined ? undefined : verifier.prepare(presented);
  } catch {
    return undefined;
  }
}

/**
 * The text of the credential that a request presents; undefined if it presents none of ours. The
 * same credential in two fields counts once. [case 8]
 *
 * @throws TokenError `ERR_TOKEN_AMBIGUOUS` for two different ones, `ERR_TOKEN_MALFORMED`,
 * `ERR_TOKEN_TOO_LARGE`, `ERR_TOKEN_THIRD_PARTY`
 */
export function readPresented({ authorization, macaroon }: Presented): string | undefined {
  if (macaroon === null || macaroon === undefined) return readAuthorization(authorization);
  const [one, other] = [
    attempt(readAuthorization, authorization),
    attempt(readMacaroonField, macaroon),
  ];
  if (one === undefined || other === undefined) return demand(one ?? other);
  if (one instanceof TokenError || other instanceof TokenError || !sameCredential(one, other))
    throw ambiguous();
  return one;
}

function attempt(
  read: (field: string | null | undefined) => string | undefined,
  field: string | null | undefined,
): string | TokenError | undefined {
  try {
    return read(field);
  } catch (error) {
    if (error instanceof TokenError) return error;
    throw error;
  }
}

function demand(read: string | TokenError | undefined): string | undefined {
  if (read instanceof TokenError) throw read;
  return read;
}
