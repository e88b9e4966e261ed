/** Ends a claim by a `Response`, wherever a handler returns one. spec/5-ledger.md §5. */
import type { Granted } from "./decision.ts";
import { keeping } from "./keeping.ts";
import { asSent } from "./served-grant.ts";

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

/**
 * The same response; `end` is called once, when its body has ended or nobody reads it any more. If
 * that fails, what was claimed stays counted, and the answer goes out as it is.
 */
export function withEnd(response: Response, end: () => Promise<unknown>): Response {
  const { status, statusText, headers, body } = response;
  let ending: Promise<unknown> | undefined;
  const endOnce = (): Promise<unknown> => {
    ending ??= end().catch((error: unknown) => console.error(error));
    return ending;
  };
  const reader = body!.getReader();
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
        } catch (error) {
          await endOnce();
          return controller.error(error);
        }
        await endOnce();
        controller.close();
      },
      async cancel(reason) {
        await endOnce();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(stream, { status, statusText, headers });
}
