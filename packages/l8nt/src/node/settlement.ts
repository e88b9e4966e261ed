/** Settling a grant: exactly one `finish`, whatever the handler does. */
import type { ServerResponse } from "node:http";
import type { Granted } from "../service/index.ts";

/**
 * Settles, and never rejects. The claim is durable: a use that cannot be settled now stays counted,
 * and the answer goes out as it is.
 */
export async function settle(granted: Granted, delivered: boolean): Promise<void> {
  try {
    await granted.finish(delivered);
  } catch (error) {
    console.error(error);
  }
}

/**
 * Settles by the status of a Node response when its head is written, before a client can read a 500
 * and repeat the request. A client that hangs up was served.
 */
export function settleBy(outgoing: ServerResponse, granted: Granted): void {
  let open = true;
  const settleOnce = (delivered: boolean): void => {
    if (!open) return;
    open = false;
    void settle(granted, delivered);
  };
  const writeHead = outgoing.writeHead as (status: number, ...rest: unknown[]) => ServerResponse;
  outgoing.writeHead = (status: number, ...rest: unknown[]): ServerResponse => {
    settleOnce(status < 500);
    return writeHead.call(outgoing, status, ...rest);
  };
  outgoing.once("close", () => settleOnce(true));
}
