/** The code of the problem in a response of a party that is not trusted. */
import { limited } from "../http/limited-stream.ts";
import { readProblem } from "./problem.ts";

const PROBLEM_LIMITS = { maxBytes: 65_536, idleSeconds: 1, totalSeconds: 1 };

/** Why a service refused, if it says so. Ends the response. */
export async function codeOf({ body, headers }: Response): Promise<string | undefined> {
  if (body === null) return undefined;
  const bounded = limited(
    body as ReadableStream<Uint8Array<ArrayBuffer>>,
    PROBLEM_LIMITS,
    () => {},
  );
  return (await readProblem(new Response(bounded, { headers }), PROBLEM_LIMITS.maxBytes))?.code;
}
