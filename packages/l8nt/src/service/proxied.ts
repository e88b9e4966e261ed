/** Notices a proxy before the service that the service was not told about. */
import type { RequestFacts } from "./decision.ts";

const BEHIND_A_PROXY =
  'l8nt: a request came through a proxy, and clientAddress is not set, so that all clients of the proxy share one rate of unpaid challenges. Set `clientAddress` of `paid` (l8nt/express: "trust proxy"; l8nt/fastify: `trustProxy`; `authorize`: `address`) to the address that your proxy writes. If there is no proxy, ignore this: a client sent the field';

/** Tells the operator once. Nothing that a client writes is believed. */
export class ProxyWatch {
  readonly #alarm: (what: string, cause: unknown) => void;
  #isTold = false;

  constructor(alarm: (what: string, cause: unknown) => void) {
    this.#alarm = alarm;
  }

  /** Looks at a request whose challenge is counted by its address. */
  see(facts: RequestFacts): void {
    if (this.#isTold || (facts.clientAddress !== undefined && facts.isPeerAddress !== true)) return;
    if (typeof facts.forwarded !== "string") return;
    this.#isTold = true;
    this.#alarm(BEHIND_A_PROXY, undefined);
  }
}
