/** Revoking what descends from a credential, as its holder asks. spec/3-challenge.md §6. */
import { AdapterError } from "../errors.ts";
import type { Authority } from "./authority.ts";
import type { Verified } from "./verified.ts";

/**
 * Revokes the node that `caveats` open below `ancestor`. Returns the node's id.
 *
 * @throws AdapterError `ERR_REQUEST` for caveats that open no node, `ERR_RATE_LIMITED`
 */
export function revokeAsAsked(
  authority: Authority,
  ancestor: Verified,
  caveats: readonly string[],
): string {
  try {
    return authority.revokeBelow(ancestor, caveats);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new AdapterError(
      "ERR_REQUEST",
      'A revocation is {"caveats": […]}: the caveats that lead from your credential to the child, an agent among them.',
    );
  }
}
