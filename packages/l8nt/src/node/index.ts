/** `l8nt/node`: the paywall for `node:http`, and a Web-standard handler as a listener of it. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { asGuard } from "../service/guards.ts";
import type { Grant, Paywall, Terms } from "../service/index.ts";
import { isWellKnown, NodeFacts, targetOf } from "./facts.ts";
import { goneSignal, requestOf } from "./listener.ts";
import { sendPrivately } from "./private.ts";
import { problem, writeFailure, writeResponse, writeUngranted } from "./response.ts";
import { settle, settleAndKeepBy } from "./settlement.ts";
import { stripIncoming } from "./stripped.ts";
import { watchUpgrades } from "./upgrade.ts";

export type { Grant, Terms } from "../service/index.ts";
export { holdContinue } from "./continue.ts";
export {
  type Handler,
  type ListenerOptions,
  listener,
  type Peer,
  type Served,
  type ServeOptions,
  serve,
} from "./listener.ts";
export { socketFetch } from "./socket-fetch.ts";
export { type PaidUpgradeListener, type PaidUpgradeOptions, paidUpgrade } from "./upgrade.ts";

/** A listener behind the paywall. */
export type PaidListener = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  grant: Grant,
) => void | Promise<void>;

export interface PaidOptions {
  /**
   * The client's address, for a server behind a trusted proxy: from a field that only the proxy can
   * write.
   *
   * @default the address of the socket
   */
  readonly clientAddress?: (incoming: IncomingMessage) => string | undefined;
}

const OPTIONS = { clientAddress: true } satisfies Keys<PaidOptions>;

/**
 * Puts the paywall before a listener.
 *
 * @throws TypeError for a listener behind another `paid`, if both count and on different terms
 * @example
 * const handler = paid(paywall, { price: "10 sat" }, (_, outgoing) => outgoing.end("sunny"));
 * createServer(handler).listen(8080);
 */
export function paid(
  paywall: Paywall,
  terms: Terms,
  handler: PaidListener,
  options: PaidOptions = {},
): RequestListener {
  checkKeys(options, OPTIONS, "paid");
  const { clientAddress } = options;
  const route = paywall.route(terms);

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      watchUpgrades(paywall, incoming);
      const decided = route.authorize(new NodeFacts(incoming, clientAddress));
      const decision = decided instanceof Promise ? await decided : decided;
      if (!decision.granted) return writeUngranted(outgoing, decision);
      // The client left while the claim was written, so nothing was served.
      if (outgoing.destroyed) return await settle(decision, undefined);
      if (decision.claimed) settleAndKeepBy(outgoing, decision);
      sendPrivately(outgoing, decision);
      stripIncoming(incoming);
      await handler(incoming, outgoing, decision.grant);
    } catch (error) {
      await writeFailure(outgoing, error);
    }
  }

  return asGuard(
    (incoming: IncomingMessage, outgoing: ServerResponse) => void answer(incoming, outgoing),
    route,
    handler,
  );
}

/**
 * Answers `/.well-known/l402` and the revocations below it; everything else goes to `otherwise`.
 *
 * @example
 * createServer(wellKnown(paywall, paid(paywall, { price: "10 sat" }, handler))).listen(8080);
 */
export function wellKnown(
  paywall: Paywall,
  otherwise: RequestListener = (_, outgoing) =>
    void writeResponse(outgoing, problem(404, "Not found")),
): RequestListener {
  const { origin } = new URL(paywall.authority.location);

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const request = requestOf(incoming, origin, { signal: goneSignal(outgoing) });
      const response =
        request === undefined ? problem(400, "Bad request") : await paywall.wellKnown(request);
      await writeResponse(outgoing, response ?? problem(404, "Not found"));
    } catch (error) {
      await writeFailure(outgoing, error);
    }
  }

  return (incoming, outgoing) => {
    if (isWellKnown(targetOf(incoming))) void answer(incoming, outgoing);
    else otherwise(incoming, outgoing);
  };
}
