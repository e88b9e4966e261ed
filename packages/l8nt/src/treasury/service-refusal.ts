/** Reads what a service says of a use that it does not serve. spec/4-purchase.md §4.5. */
import { limited } from "../http/limited-stream.ts";
import { readProblem } from "../wire/problem.ts";

const PROBLEM_LIMITS = { maxBytes: 65_536, idleSeconds: 1, totalSeconds: 1 };

/** Why a service refused, if it says so. Ends the response. */
export async function codeOf({ body, headers }: Response): Promise<string | undefined> {
  if (body === null) return undefined;
  const bounded = limited(
    body as ReadableStream<Uint8Array<ArrayBuffer>>,
    PROBLEM_LIMITS,
    () => {},
  );
  return (await readProblem(new Response(bounded, { headers })))?.code;
}

/**
 * Whether a service refuses what was presented. A 401 without a problem of ours may be the
 * handler's own, for a caller that has not logged in.
 */
export async function isRefusal(response: Response): Promise<boolean> {
  if (response.status !== 401) return response.status === 402;
  const type = response.headers.get("content-type") ?? "";
  if (!type.startsWith("application/problem+json")) return false;
  return (await codeOf(response.clone()))?.startsWith("ERR_TOKEN_") ?? false;
}

/** Whether an earlier request with the same `Idempotency-Key` is still being answered. */
export const isRunning = async (response: Response): Promise<boolean> =>
  response.status === 409 && (await codeOf(response.clone())) === "ERR_REQUEST_RUNNING";

/** Whether the `Idempotency-Key` was used before, and no answer is given again under it. */
export const isKnownKey = async (response: Response): Promise<boolean> =>
  response.status === 422 && (await codeOf(response.clone())) === "ERR_IDEMPOTENCY_KEY";
