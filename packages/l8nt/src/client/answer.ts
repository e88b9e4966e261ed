/** A response whose body is watched on its way to the caller. spec/4-purchase.md §2. */
import type { Order } from "./orders.ts";

export interface BodyEnd {
  /** The caller read the body to its end, or cancelled it. */
  readonly read: () => void;
  /** The body broke off before its end. @returns the error for the reader of the body */
  readonly broke: (error: unknown) => unknown;
}

/** The same response, which tells once how its body ended. The body is passed on as it comes. */
export function watched(response: Response, { read, broke }: BodyEnd): Response {
  const { body, status, statusText, headers } = response;
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
  return shownAs(response, new Response(passed, { status, statusText, headers }));
}

/** What `fetch` says of a response, and a response that is made here does not have. */
export type Shown = Pick<Response, "url" | "redirected" | "type">;

/** The response with these members, and its clones with the same. */
export function shownAs({ url, redirected, type }: Shown, response: Response): Response {
  const clone = () =>
    shownAs({ url, redirected, type }, Response.prototype.clone.call(response) as Response);
  return Object.defineProperties(response, {
    url: { value: url, configurable: true },
    redirected: { value: redirected, configurable: true },
    type: { value: type, configurable: true },
    clone: { value: clone, configurable: true },
  });
}

/**
 * The response, whose order is under way until the caller has read its body or left it. A body that
 * broke off is no answer.
 *
 * @param told the error that the reader of a body gets that broke off
 */
export function awaited(order: Order, response: Response, { read, broke, told }: Ends): Response {
  const end = order.begin();
  let isOver = false;
  const once = (act: () => void) => () => {
    if (isOver) return;
    isOver = true;
    unwatch();
    act();
    end();
  };
  const [isRead, isBroken] = [once(read), once(broke)];
  const unwatch = order.orders.watchBody(isRead);
  return watched(response, {
    read: isRead,
    broke(error) {
      isBroken();
      return told(error);
    },
  });
}

/** How the reading of a body may end. */
interface Ends {
  readonly read: () => void;
  readonly broke: () => void;
  readonly told: (error: unknown) => unknown;
}
