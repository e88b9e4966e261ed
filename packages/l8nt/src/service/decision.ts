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
   * Every `Authorization` line, joined by commas. A framework that keeps only the first line hides
   * a second credential.
   */
  readonly authorization: string | null | undefined;
  /** Every `Grpc-Metadata-Macaroon` and `Macaroon` line, joined by commas. */
  readonly macaroon?: string | null | undefined;
  /**
   * The peer's address, from the socket or from a trusted proxy; never from a header that anyone
   * can write.
   */
  readonly clientAddress?: string | undefined;
  /**
   * What the request does, if the request itself says so, as an MCP call names its tool.
   *
   * @default the capability of the route
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

/** Which credential is served, and what for. */
export interface Grant {
  /** Undefined for a request that was free. */
  readonly nodeId: string | undefined;
  /** The agent names from the root to the caller; for the log, not for authorization. */
  readonly lineage: readonly string[];
  /** 64 hex digits. */
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
  /** `false` if nothing was counted: `finish` then does nothing and need not be called. */
  readonly claimed: boolean;
  /**
   * Ends the claim; must be called once the handler has answered or failed. `false` gives the use
   * back, and is only right if nothing was served. A client that hangs up was served.
   */
  finish(delivered: boolean): Promise<void>;
  /**
   * Ends the claim by the status of a response, which it returns: 500 and more give the use back.
   */
  settle(response: Response): Promise<Response>;
}

export type Decision = Granted | Refused;
