/** An order: one request of an agent that was admitted and may cost money. */
import type { Target } from "../caveat/index.ts";
import type { Verified } from "../l402/index.ts";
import type { PurchaseRequest } from "../ports/treasury.ts";

export interface Order {
  readonly verified: Verified;
  readonly target: Target;
  readonly url: URL;
  readonly request: PurchaseRequest;
  /** Names the order in its claims: unique, and begins with the name of this process. */
  readonly by: string;
  /** What became of it at the service so far. */
  readonly progress: OrderProgress;
}

export interface OrderProgress {
  /** Whether a paid request was sent and no answer came: the service may have served it. */
  unanswered: boolean;
}
