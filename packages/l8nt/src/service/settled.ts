/** Ends a claim by a `Response`, wherever a handler returns one. spec/5-ledger.md §5. */
import type { Granted } from "./decision.ts";
import { keeping } from "./keeping.ts";
import { asSent } from "./served-grant.ts";
import { withEnd } from "./with-end.ts";

/**
 * Ends the claim by the head of the response, or by its end, and returns the response as it is
 * sent.
 *
 * @param finish ends the claim, with the status
 */
export async function settledResponse(
  response: Response,
  granted: Granted,
  finish: (status: number) => Promise<unknown>,
): Promise<Response> {
  const keep = granted.keeper();
  const end = () => finish(response.status);
  const isOpen = granted.endsBy === "end" && response.body !== null;
  if (!isOpen) await end();
  const answer = asSent(response, granted.grant);
  const kept = keep === undefined ? answer : keeping(answer, keep);
  return isOpen ? withEnd(kept, end) : kept;
}
