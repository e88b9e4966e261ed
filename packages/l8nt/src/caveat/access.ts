/**
 * The facts of one request. A caveat can only prohibit an access; no fact in it comes from a
 * caveat.
 */
import type { Amount } from "../amount.ts";
import type { Target } from "./target.ts";

export interface Access {
  /** Unix seconds. */
  readonly now: number;
  /**
   * What is asked for. `"self"` is the credential's own affairs at its authority (what is left,
   * revoking what descends from it): endpoints, prices and the like have nothing to say there,
   * while time and unknown conditions do.
   */
  readonly target: Target | "self";
  /** The price of this request or purchase, once it is known. */
  readonly price?: Amount | undefined;
  /**
   * The hash of this request as it is priced now, of a service whose prices depend on the request;
   * undefined if the request cannot be told apart from others. spec/2-caveats.md §6.
   */
  readonly pricedRequest?: (() => string | undefined) | undefined;
  /** The node (hex public key) that the invoice pays, once it is known. */
  readonly payee?: string | undefined;
  /** The L402 name of the service that judges, and what the request does there. */
  readonly service?: string | undefined;
  readonly capability?: string | undefined;
  /**
   * The model that the request uses; null if it is known to use none, undefined if it is not known.
   */
  readonly model?: string | null | undefined;
  /**
   * The location of the ledger that the verifier counts limits in; null if it has none. Undefined
   * if a holder asks, who does not know the verifier. {@link Verified.judge} sets it.
   */
  readonly ledger?: string | null | undefined;
  /**
   * The thumbprint of the key that signed the request; null if none did, or it was not looked at.
   * Undefined if a holder asks. {@link Verified.judge} turns undefined into null.
   */
  readonly holder?: string | null | undefined;
}
