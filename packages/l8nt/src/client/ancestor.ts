/** The credential of a client that another one was derived from. spec/4-purchase.md §6. */

import type { Credential } from "../l402/credential.ts";
import type { Descent } from "../ports/descent.ts";
import type { Carried } from "./carried.ts";

/**
 * The credential from which `child` was derived, and what leads to the child.
 *
 * @throws TypeError if there is none
 */
export function ancestorOf(
  child: Credential,
  all: readonly Carried[],
): { readonly carried: Carried; readonly descent: Descent } {
  for (const carried of all) {
    const { body } = child;
    const descent = body.descentFrom
      ? body.descentFrom(carried.credential.body)
      : child.caveatsBelow(carried.credential);
    if (descent !== undefined) return { carried, descent };
  }
  throw new TypeError("this client can only revoke what was delegated from its own credential");
}
