/** A request that was let through and is ready to be sent. */
import type { Amount } from "l8nt/invoice";
import type { Verified } from "l8nt/l402";
import type { Answer, Granted } from "l8nt/service";
import type { Plan } from "./core/forward.ts";
import type { Asked, Meter } from "./presets/preset.ts";
import type { ModelPrice } from "./prices/model-price.ts";
import type { Counted } from "./shadow.ts";
import type { Usage } from "./usage.ts";

export interface Admitted {
  /** Undefined of a request that needed no credential. */
  readonly by?: By;
  /** The free request that it is, without a credential. */
  readonly freebie?: Granted;
  readonly body: Plan["body"];
  /** Whether bytes are sent on as what they came as. What was judged is JSON. */
  readonly isAsSent?: boolean;
  /** The answer to the same request, which was sent before: it is not sent to the vendor again. */
  readonly again?: { readonly answer: Answer; readonly verified: Verified };
  /** A price of every request, which is reserved. */
  readonly flat?: Amount | undefined;
  readonly metered?: {
    readonly asked: Asked;
    readonly meter: Meter;
    readonly price: ModelPrice;
    readonly most: Usage;
    readonly reserved: bigint;
    /** The output cap that was written into the request, if it was lowered. */
    readonly outputLimit: number | undefined;
  };
}

/** Whose request it is, and what was reserved for it. */
export interface By {
  readonly granted: Counted;
  readonly verified: Verified;
}
