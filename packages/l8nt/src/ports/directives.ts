/**
 * Directives: a node is revoked for good, a node or all nodes are frozen or thawed, or a node's
 * limits are raised until a date.
 */
import type { AmountText } from "../amount.ts";

/** Stands for all nodes in place of a node's id, in directives and in closures of origins. */
export const ALL_NODES = "*";

export interface Directive {
  readonly kind: "revoke" | "freeze" | "thaw" | "top-up";
  /** A node with all below it, or `ALL_NODES`. */
  readonly nodeId: string;
  /** Unix seconds after which nothing below the node can be valid; absent if that is not known. */
  readonly endsAt?: number;
  /** Of a revocation by a holder: the ids of the nodes above the node, root first. */
  readonly above?: readonly string[];
  /** Of a revocation by a holder: the node of the credential that revoked it. */
  readonly by?: string;
  /** Unix seconds. */
  readonly at: number;
  /** For people. */
  readonly reason?: string;
  /**
   * Of a freeze until a payment is explained: the payment, as JSON. Its `nodeId` is
   * `payment <hash>`, and a thaw of the same `nodeId` explains it.
   */
  readonly payment?: string;
  /**
   * Of a top-up: what is added to each limit of the node on spending in the same unit, until this
   * time in Unix seconds.
   */
  readonly topUp?: { readonly amount: AmountText; readonly until: number };
}

/** The part of a directive that decides, but for a revocation. */
export type StandingDirective = Pick<
  Directive,
  "kind" | "nodeId" | "at" | "reason" | "payment" | "topUp"
>;

export interface NumberedDirective extends Directive {
  /** From 1. A later directive has a greater number, and readers see the numbers without gaps. */
  readonly seq: number;
}

export interface DirectiveLog {
  /** Returns the directive's number. Durable when the promise resolves. */
  addDirective(directive: Directive): Promise<number>;
  /** The directives after number `after`, in order. */
  directives(after: number): Promise<readonly NumberedDirective[]>;
  /**
   * Calls `listener` whenever another process may have written a directive. Returns a function that
   * stops that.
   */
  onDirective?(listener: () => void): () => void;
}
