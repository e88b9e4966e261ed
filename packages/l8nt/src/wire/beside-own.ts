/**
 * Presents a credential beside the `Authorization` of an API's own, for the treasury and for the
 * client. spec/4-purchase.md §2.
 */
import { PaymentError, type Spent } from "../errors.ts";
import { formatAuthorization, readAuthorization } from "../l402/authorization.ts";
import type { Credential } from "../l402/credential.ts";
import { formatMacaroonField } from "../l402/macaroon-field.ts";
import { mayBeUnread } from "./service-refusal.ts";

/** What a service says to a credential in `Macaroon`. */
export interface Beside {
  readonly response: Response;
  /** Whether it refuses as if it had not read that field, and may read `Authorization` alone. */
  readonly isUnread: boolean;
}

/**
 * Sends a request with the credential in `Macaroon`. Undefined for a credential that this field
 * cannot carry: an opaque token, and one without room for its preimage.
 */
export async function besideOwn(
  credential: Credential | string,
  send: (macaroon: string) => Promise<Response>,
): Promise<Beside | undefined> {
  const field = fieldOf(credential);
  if (field === undefined) return undefined;
  const response = await send(field);
  return { response, isUnread: await mayBeUnread(response) };
}

/**
 * One `Authorization` with the API's own and a credential that anyone verifies, which `Macaroon`
 * cannot carry. Undefined for another credential, and where a service could not tell the two apart.
 * spec/3-challenge.md §4.
 */
export function bothInOne(own: string, credential: Credential | string): string | undefined {
  if (typeof credential === "string" || credential.body.issuer === undefined) return undefined;
  const both = `${own}, ${formatAuthorization(credential)}`;
  try {
    return readAuthorization(both) === credential.toString() ? both : undefined;
  } catch {
    return undefined;
  }
}

function fieldOf(credential: Credential | string): string | undefined {
  if (typeof credential === "string") return undefined;
  try {
    return formatMacaroonField(credential);
  } catch {
    return undefined;
  }
}

/**
 * Whether a service wants the very `Authorization` in whose place the credential was sent: no field
 * carries both there.
 */
export const wantsOwn = ({ status }: Response): boolean => status === 401 || status === 403;

/** @param spent what this very request has spent */
export const ownIsWanted = (origin: string, spent: Spent, status: number): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    spent,
    `${origin} reads a paid credential in Authorization alone, where this request has an Authorization of its own, and it answers HTTP ${status} without that one. The two cannot be sent together there. Request something that needs no Authorization of its own, or ask the operator of the service to read the field Macaroon too. What was paid for is kept: it is used before anything is paid again.`,
  );
