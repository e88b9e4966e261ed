/**
 * The body of a revocation, at a service and at a treasury: the caveats that lead from the holder's
 * credential to the child.
 */
import { AdapterError } from "../errors.ts";
import type { Authority } from "./authority.ts";
import type { Verified } from "./verified.ts";

/**
 * Revokes what `json`, which somebody sent, asks for. Gives the node's id.
 *
 * @throws AdapterError `ERR_REQUEST` for what is no such body, `ERR_RATE_LIMITED`
 */
export function revokeAsAsked(authority: Authority, ancestor: Verified, json: unknown): string {
  const { caveats } = Object(json) as { caveats?: unknown };
  if (!Array.isArray(caveats) || !caveats.every((caveat) => typeof caveat === "string"))
    throw malformed();
  try {
    return authority.revokeBelow(ancestor, caveats);
  } catch (cause) {
    if (cause instanceof TypeError) throw malformed();
    throw cause;
  }
}

const malformed = (): AdapterError =>
  new AdapterError(
    "ERR_REQUEST",
    'A revocation is {"caveats": […]}: those that lead from your credential to the child, an agent among them.',
  );
