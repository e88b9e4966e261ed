/** A response whose end is noticed, wherever a handler returns one. */

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
