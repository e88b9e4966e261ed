/** What a client needs of a treasury, embedded or across HTTP: the port on which the two meet. */

import type { Amount, Unit } from "../amount.ts";
import type { Descent } from "./descent.ts";
import type { ReceiptRow } from "./receipts.ts";

/** One logical request that may cost money: the treasury pays at most once for it. */
export interface PurchaseRequest {
  /**
   * Names the order: 8 to 64 letters, digits, `_` and `-`. The client makes it, unique for each
   * logical request, and sends the same one when it asks again. spec/4-purchase.md §4.
   */
  readonly id: string;
  /** The text of the agent's spending credential. */
  readonly credential: string;
  readonly method: string;
  readonly url: string;
  /**
   * Those that may decide a price or an answer. Credentials, cookies and hop-by-hop fields are not
   * passed on.
   */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array<ArrayBuffer>;
  /**
   * Whether the client made the `Idempotency-Key` among the headers, so that no caller can ask with
   * it again.
   *
   * @default false
   */
  readonly madeKey?: boolean;
  /**
   * Ends a request that is made for the agent. A payment that has begun is brought to its end all
   * the same. [case 82]
   */
  readonly signal?: AbortSignal;
  /** A credential handed over before, which the service refused. spec/4-purchase.md §2. */
  readonly refused?: {
    /** Hex. */
    readonly paymentHash: string;
    /**
     * Whether the service may have served it: an answer to it was received, other requests used it,
     * or the agent gave up a request with it. False: it was presented, no answer but a refusal was
     * ever received, and nothing else used it.
     */
    readonly mayBeUsed: boolean;
    /**
     * Whether an exchange in which it was presented ended with 5xx or without an answer, and the
     * agent did not end it.
     *
     * @default false
     */
    readonly unanswered?: boolean;
  };
  /** Ids of this agent's orders whose answers it has; at most 64. */
  readonly answered?: readonly string[];
  /**
   * Ids of this client's other orders for the same method, origin and path that still run; at most
   * 64. What was bought for them may be at the service at this moment.
   */
  readonly underWay?: readonly string[];
}

/** What was paid for this very order. Absent where nothing was. */
export interface PaymentSummary {
  readonly origin: string;
  /** Hex. */
  readonly paymentHash: string;
  readonly amount: Amount;
  /** The routing fee, on top. */
  readonly fee: Amount;
  /**
   * Whether it was made when the order was sent before, and used now: by this process or by
   * another one, with the same `Idempotency-Key`.
   *
   * @default false
   */
  readonly earlier?: boolean;
}

/**
 * Hand-over: a credential for the service, narrowed to the agent's own scope. Relay: the service's
 * response, where the service could not enforce that scope.
 */
export type Purchase =
  | { readonly kind: "credential"; readonly credential: string; readonly payment?: PaymentSummary }
  | { readonly kind: "response"; readonly response: Response; readonly payment?: PaymentSummary };

/** One limit, and what stands against it. */
export interface Standing {
  readonly condition: string;
  /** What a limit on spending counts in; absent for a number of requests. */
  readonly unit?: Unit;
  /** In `unit`, or a number of requests. */
  readonly max: bigint;
  readonly used: bigint;
  readonly windowSeconds?: number;
}

/** A node of the tree, as the treasury knows it. */
export interface NodeStanding {
  readonly id: string;
  /** The root has none. */
  readonly agent?: string;
  /** The root has none. */
  readonly parentId?: string;
  readonly state: "active" | "expired" | "frozen" | "revoked";
  /** The node's own caveats, as texts. */
  readonly caveats: readonly string[];
  /**
   * Everything spent at this node and below it, fees and payments in flight included: msat first,
   * then each other unit in which something was spent.
   */
  readonly spent: readonly Amount[];
  readonly limits: readonly Standing[];
  /**
   * How many nodes below it have spent and are not listed, because there were too many. One that
   * spent again much later may be counted twice. Absent if all are listed.
   */
  readonly more?: number;
}

/** Which page of a list is asked for. */
export interface PageQuery {
  /** The `next` of the page before. @default the first page */
  readonly after?: string;
  /** At most 1000. @default 100 */
  readonly limit?: number;
}

/** A part of the tree, in the order of the whole: each node after its parent. */
export interface NodePage {
  readonly nodes: readonly NodeStanding[];
  /**
   * The `after` of the next page. Absent if this is the last one: a page may have fewer nodes than
   * were asked for, and more may follow.
   */
  readonly next?: string;
}

export interface Treasurer {
  /** @throws TokenError, DeniedError, BudgetError, ChallengeError, PaymentError, AdapterError */
  buy(request: PurchaseRequest): Promise<Purchase>;
  /**
   * Takes the agent's word that it has the answers of these orders of its node, at most 64: what
   * bought a single one of them is used up, durably when this returns.
   *
   * @param signal ends the wait
   * @throws TokenError, DeniedError, AdapterError
   */
  answered(credential: string, orders: readonly string[], signal?: AbortSignal): Promise<void>;
  /**
   * Revokes the node that `descent` opens below `credential`; gives its id. Takes effect before it
   * returns.
   *
   * @throws TokenError, DeniedError
   */
  revoke(credential: string, descent: Descent): Promise<string>;
  /**
   * This credential's node and its ancestors, root first: what is left everywhere it stands under.
   */
  standing(credential: string): Promise<readonly NodeStanding[]>;
  /** This credential's node and everything below it that has spent, parents first. */
  tree(credential: string): Promise<readonly NodeStanding[]>;
  /** Signed receipts of what this credential's node and those below it paid, in order. */
  receipts(credential: string, after: number, limit: number): Promise<readonly ReceiptRow[]>;
}

/**
 * The location of a treasury that is not served: no other process can reach it, and no service is
 * there by chance.
 */
export const EMBEDDED_LOCATION = "https://embedded.invalid";
