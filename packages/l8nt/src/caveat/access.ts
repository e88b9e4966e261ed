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
  /** The node (hex public key) that the invoice pays, once it is known. */
  readonly payee?: string | undefined;
  /** The L402 name of the service that judges, and what the request does there. */
  readonly service?: string | undefined;
  readonly capability?: string | undefined;
}
