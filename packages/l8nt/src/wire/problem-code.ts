/** The code of the problem in a response of a party that is not trusted. */
import { readJson } from "../http/body.ts";
import { limited } from "../http/limited-stream.ts";
import { errorOf, readProblem } from "./problem.ts";

const PROBLEM_LIMITS = { maxBytes: 65_536, idleSeconds: 1, totalSeconds: 1 };

/**
 * Why a service refused, if it says so. Ends the response.
 *
 * @param isRpc whether only an error of JSON-RPC says so: other JSON is an API's own
 */
export async function codeOf(
  { body, headers }: Response,
  isRpc = false,
): Promise<string | undefined> {
  if (body === null) return undefined;
  const bounded = limited(
    body as ReadableStream<Uint8Array<ArrayBuffer>>,
    PROBLEM_LIMITS,
    () => {},
  );
  const read = new Response(bounded, { headers });
  if (!isRpc) return (await readProblem(read))?.code;
  const json = await readJson(read, PROBLEM_LIMITS.maxBytes).catch(() => undefined);
  const { jsonrpc, error } = Object(json) as Record<string, unknown>;
  const { data } = Object(error) as { readonly data?: unknown };
  return jsonrpc === "2.0" ? errorOf(data)?.code : undefined;
}
