/**
 * The one credential that a request presents, in whichever of the fields that clients in the field
 * use. spec/3-challenge.md §4.
 */
import { TokenError } from "../errors.ts";
import { ambiguous, readAuthorization, sameCredential } from "./authorization.ts";
import { readMacaroonField } from "./macaroon-field.ts";

/**
 * Every field that can carry a credential, in lower case: for whoever keeps them from going astray.
 */
export const CREDENTIAL_FIELDS = ["authorization", "grpc-metadata-macaroon", "macaroon"] as const;

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

/**
 * The text of the credential that a request presents; undefined where it presents none of ours. One
 * that stands in two fields is one. [case 8]
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
