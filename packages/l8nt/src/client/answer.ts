/** A response whose body is watched on its way to the caller. spec/4-purchase.md §2. */

export interface BodyEnd {
  /** The caller read the body to its end, or cancelled it. */
  readonly read: () => void;
  /** The body broke off before its end. @returns the error for the reader of the body */
  readonly broke: (error: unknown) => unknown;
}

/** The same response, which tells once how its body ended. The body is passed on as it comes. */
export function watched(response: Response, { read, broke }: BodyEnd): Response {
  const { body, status, statusText, headers, url } = response;
  if (body === null) {
    read();
    return response;
  }
  const reader = body.getReader();
  const passed = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          read();
          controller.close();
        } catch (error) {
          controller.error(broke(error));
        }
      },
      cancel(reason) {
        read();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return at(url, new Response(passed, { status, statusText, headers }));
}

/** A response that is made here has no URL. */
function at(url: string, response: Response): Response {
  const clone = () => at(url, Response.prototype.clone.call(response));
  return Object.defineProperties(response, { url: { value: url }, clone: { value: clone } });
}
