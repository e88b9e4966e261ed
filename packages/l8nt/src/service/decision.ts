/** A decision about one request: granted with a duty to settle, or refused with the reason. */
import type { Refused } from "../wire/problem.ts";

/** The facts of a request, as the wire had them. */
export interface RequestFacts {
  readonly method: string;
  /** The raw request target: path and query, before any framework decoded it. */
  readonly target: string;
  /**
   * Every `Authorization` line, joined by commas: a framework that keeps only the first hides a
   * second credential.
   */
  readonly authorization: string | null | undefined;
  /** The same of `Grpc-Metadata-Macaroon` and `Macaroon`, of both together. */
  readonly macaroon?: string | null | undefined;
  /**
   * The peer's address, from the socket or from a proxy that is trusted; never from a header that
   * anyone can write.
   */
  readonly clientAddress?: string | undefined;
  /**
   * What the request does, where the request itself says it, as an MCP call names its tool;
   * otherwise the route's.
   */
  readonly capability?: string | undefined;
  /** For a price function. Built only where one is asked. */
  request(): Request;
}

/** Who is being served, and under what. */
export interface Grant {
  /** Undefined for a route that was free this time. */
  readonly nodeId: string | undefined;
  /** The agent names from the root to whoever asks; for the log, not for authorization. */
  readonly lineage: readonly string[];
  /** Hex. */
  readonly paymentHash: string | undefined;
  readonly priceMsat: bigint;
}

export interface Granted {
  readonly granted: true;
  readonly grant: Grant;
  /** `false`: nothing was counted, so `finish` has nothing to do and need not be called. */
  readonly claimed: boolean;
  /**
   * Must be called once the handler has answered, or has failed to. `false` gives the use back:
   * only where nothing was served. A client that hangs up was served.
   */
  finish(delivered: boolean): Promise<void>;
  /**
   * `finish` by the status of a response: one of 500 or more was not delivered. Gives the response
   * back.
   */
  settle(response: Response): Promise<Response>;
}

export type Decision = Granted | Refused;
