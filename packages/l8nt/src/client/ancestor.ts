/** The credential of a client that another one was derived from. spec/4-purchase.md §6. */
import type { Credential } from "../l402/credential.ts";
import type { Carried } from "./carried.ts";

/**
 * The credential from which `child` was derived, and the caveats that lead to the child.
 *
 * @throws TypeError if there is none
 */
export function ancestorOf(
  child: Credential,
  all: readonly Carried[],
): { readonly carried: Carried; readonly caveats: readonly string[] } {
  for (const carried of all) {
    const caveats = child.caveatsBelow(carried.credential);
    if (caveats !== undefined) return { carried, caveats };
  }
  throw new TypeError("this client can only revoke what was delegated from its own credential");
}
