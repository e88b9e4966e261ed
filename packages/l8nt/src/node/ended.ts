/**
 * Breaks off what is served to a credential that is revoked or has ended. spec/3-challenge.md §5.
 */
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Granted } from "../service/index.ts";
import { servedOver, watchGrant } from "../service/served-grant.ts";
import { streamOf } from "./call.ts";
import { isUpgrade } from "./facts.ts";
import { breakOff } from "./response.ts";

/**
 * A response that leaves in one piece is not watched, because it is over at once: only one with a
 * part that was written, or a head that was sent by itself.
 */
export function endWithCredential(outgoing: ServerResponse, { grant }: Granted): void {
  servedOver(grant, outgoing);
  const watch = () => watchGrant(grant, () => breakOff(outgoing));
  // Over HTTP/2 a head leaves by itself, and an upgraded connection has no parts.
  if (streamOf(outgoing) !== undefined || isUpgrade(outgoing.req)) {
    watch();
    return;
  }
  const { write, flushHeaders } = outgoing;
  let isWatched = false;
  const watchOnce = (): void => {
    if (isWatched) return;
    isWatched = true;
    watch();
  };
  outgoing.write = ((...given: Parameters<typeof write>) => {
    watchOnce();
    return write.apply(outgoing, given);
  }) as typeof write;
  outgoing.flushHeaders = () => {
    watchOnce();
    flushHeaders.call(outgoing);
  };
}

/** The same for an upgraded connection. */
export function endSocketWithCredential(socket: Duplex, { grant }: Granted): void {
  servedOver(grant, socket);
  watchGrant(grant, () => socket.destroy());
}
