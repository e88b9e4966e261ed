/** A decision about one request: granted with a duty to settle, or refused with the reason. */
import type { Amount } from "../amount.ts";
import type { Target } from "../caveat/index.ts";
import type { Refused } from "../wire/problem.ts";

/** The facts of a request, as they were sent. */
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
  /** All fields, for a price function. Called only by one. */
  headers(): Headers;
  /**
   * The body, for a price function: the handler must be able to read it again. Undefined if the
   * framework cannot give it twice.
   */
  readonly body?: (() => Promise<Uint8Array>) | undefined;
  /** The body as JSON, if it was parsed already. */
  readonly json?: (() => Promise<unknown>) | undefined;
}

/** Who is being served, and under what. */
export interface Grant {
  /** Undefined for a route that was free this time. */
  readonly nodeId: string | undefined;
  /** The agent names from the root to whoever asks; for the log, not for authorization. */
  readonly lineage: readonly string[];
  /** Hex. */
  readonly paymentHash: string | undefined;
  readonly price: Amount;
}

/** A request with its price: what is judged, claimed and sold. */
export interface PricedRequest {
  readonly facts: RequestFacts;
  readonly target: Target;
  readonly price: Amount;
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
