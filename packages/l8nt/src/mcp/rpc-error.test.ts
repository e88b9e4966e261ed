/** What a client reads of a refusal by a whole MCP server, beside one of a plain service. */
import { describe, expect, test } from "vitest";
import { AdapterError, TokenError } from "../errors.ts";
import { Refused } from "../wire/problem.ts";
import { challengeAfter, isKnownKey, isRefusal, isRunning } from "../wire/service-refusal.ts";
import { rpcRefusal } from "./rpc-error.ts";

const MESSAGE = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "x" } };

describe.each<[form: string, answer: (refused: Refused) => Response]>([
  ["problem details", (refused) => refused.response],
  ["an error of JSON-RPC", (refused) => rpcRefusal(refused, MESSAGE)],
])("%s", (_, answer) => {
  const refusalOf = (error: AdapterError | TokenError) => answer(new Refused(error));

  test("says that a request under the same key still runs, and that its key was used", async () => {
    const running = refusalOf(new AdapterError("ERR_REQUEST_RUNNING", "It runs."));
    expect([running.status, await isRunning(running)]).toEqual([409, true]);
    const known = refusalOf(new AdapterError("ERR_IDEMPOTENCY_KEY", "It was used."));
    expect([known.status, await isKnownKey(known)]).toEqual([422, true]);
    expect([await isKnownKey(running), await isRunning(known)]).toEqual([false, false]);
  });

  test("says when a challenge is given again, and that a credential is refused", async () => {
    const busy = new AdapterError("ERR_RATE_LIMITED", "Too many.", { retryAfterSeconds: 9 });
    expect(await challengeAfter(refusalOf(busy))).toBe(9);
    const forged = refusalOf(new TokenError("ERR_TOKEN_FORGED", "It is not genuine."));
    expect(await isRefusal(forged)).toBe(true);
  });
});

test("JSON of another party says nothing of these", async () => {
  for (const body of ['{"error":"busy"}', '{"error":{"data":{"code":7}}}', "[]", "{"])
    for (const [status, says] of [
      [409, isRunning],
      [422, isKnownKey],
      [401, isRefusal],
    ] as const) {
      const headers = { "content-type": "application/json" };
      expect(await says(new Response(body, { status, headers })), body).toBe(false);
    }
});
