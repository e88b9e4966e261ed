/** Requests whose path can be read in more than one way. spec/4-purchase.md §2. */

import { targetOfUrl } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import type { CarriedCredentials } from "./carried.ts";
import { covers } from "./choosing.ts";
import { newOrderId } from "./orders.ts";
import type { Outgoing } from "./outgoing.ts";

/**
 * Such a request is sent without a credential, if the whole origin is in scope: there, every way to
 * read it is.
 *
 * @throws AdapterError `ERR_REQUEST` if it must not be sent
 */
export function checkAmbiguous(
  { method, url }: Outgoing,
  carried: CarriedCredentials,
  now: number,
): void {
  // Paths that only an entry for the whole origin covers.
  const name = newOrderId(now);
  const anywhere = [`/${name}`, `/${name}`.repeat(7)].map((path) =>
    targetOfUrl(method, new URL(path, url)),
  );
  if (anywhere.includes(undefined))
    throw new AdapterError(
      "ERR_REQUEST",
      "The client cannot send this method to this URL. It sends HTTP methods to http(s) URLs without a user name.",
    );
  if (!anywhere.every((target) => covers(carried, { now, target: target! })))
    throw new AdapterError(
      "ERR_REQUEST",
      `${ambiguous(url)} It is sent only with a credential that covers the whole origin, as \`* ${url.origin}/**\` does: ask for one, or request a URL without that.`,
    );
}

/** The error for a service that asks for payment for such a path. */
export const ambiguousForSale = (url: URL): AdapterError =>
  new AdapterError(
    "ERR_REQUEST",
    `${url.origin} asks for payment. ${ambiguous(url)} Such a path is not paid for: request a URL without that.`,
  );

const ambiguous = ({ pathname }: URL): string => {
  const path = pathname.length > MAX_SHOWN ? `${pathname.slice(0, MAX_SHOWN)}…` : pathname;
  return `The path ${path} can be read in more than one way, because of an encoded slash, a dot segment, a backslash, a control or its length.`;
};
/** The characters of a path that a message repeats. */
const MAX_SHOWN = 100;
