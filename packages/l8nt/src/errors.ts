/**
 * Every error that Sigil throws. `error-codes.ts` lists the codes.
 * No message ever holds a credential, a preimage or a key. spec/3-challenge.md §5.
 */

import type { CodeOf, ErrorCode } from "./error-codes.ts";

export type { ErrorCode } from "./error-codes.ts";

/** The credential itself is unusable: what it allows cannot be established. */
export type TokenCode = CodeOf<"TokenError">;
/** The credential is genuine, and its caveats or its state prohibit this access. */
export type DenialCode = CodeOf<"DeniedError">;
/** A counted limit has too little left. */
export type BudgetCode = CodeOf<"BudgetError">;
/** The challenge or invoice of a service cannot be trusted; nothing was paid. */
export type ChallengeCode = CodeOf<"ChallengeError">;
/** A payment failed or bought nothing; `PaymentError.spent` says whether money moved. */
export type PaymentCode = CodeOf<"PaymentError">;
/** An export of receipts is not what was signed. */
export type ReceiptCode = CodeOf<"ReceiptError">;
/** A wallet, a store, a treasury or a service behind a port did not answer as it should. */
export type AdapterCode = CodeOf<"AdapterError">;

export interface SigilErrorOptions extends ErrorOptions {
  /** When the same request may succeed, if that is known: `Retry-After` in an HTTP answer. */
  readonly retryAfterSeconds?: number | undefined;
}

/** The root of Sigil's errors. Prints and serialises as its code and message alone. */
export class SigilError extends Error {
  readonly code: ErrorCode;
  /** Seconds after which the same request may succeed; undefined if that is not known. */
  declare readonly retryAfterSeconds?: number;

  constructor(code: ErrorCode, message: string, options: SigilErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
    // Only time helps, and the list of revocations may be readable again in a moment.
    const seconds =
      options.retryAfterSeconds ?? (code === "ERR_REVOCATION_UNKNOWN" ? 1 : undefined);
    if (seconds !== undefined) this.retryAfterSeconds = seconds;
  }

  toJSON(): Record<string, unknown> {
    return { name: this.name, code: this.code, message: this.message };
  }
}

/** A credential that is malformed, forged, or not paid for. HTTP 401. spec/1-credential.md §5. */
export class TokenError extends SigilError {
  declare readonly code: TokenCode;

  constructor(code: TokenCode, message: string, options?: SigilErrorOptions) {
    super(code, message, options);
  }
}

/** One caveat that prohibits an access: what it allows, what was needed, and whose caveat it is. */
export interface Refusal {
  readonly code: DenialCode | BudgetCode;
  /** The condition that prohibits the access, e.g. `endpoints`. */
  readonly condition: string;
  /**
   * The node that the condition belongs to: its id (hex), and its agent name; the root has none.
   */
  readonly node?: { readonly id: string; readonly agent?: string };
  readonly have: string;
  readonly need: string;
  /**
   * Unix seconds at which all of a limit with a window, such as a budget a day, is free again if
   * nothing more is spent. Parts of it are free earlier.
   */
  readonly resetsAt?: number;
}

/** "you have …; you need …", for people, and when a limit with a window is whole again. */
export function explain({ condition, node, have, need, resetsAt }: Refusal): string {
  const whose = node?.agent === undefined ? "" : ` (set for agent ${node.agent})`;
  const when =
    resetsAt === undefined
      ? ""
      : `; all of it is free again at ${new Date(resetsAt * 1000).toISOString()} if nothing more is spent`;
  return `${condition}${whose}: you have ${have}; you need ${need}${when}`;
}

/**
 * A genuine credential that does not cover this access. `refusals` lists every caveat that
 * prohibits it.
 */
export class DeniedError extends SigilError {
  declare readonly code: DenialCode | BudgetCode;
  readonly refusals: readonly Refusal[];

  constructor(refusals: readonly [Refusal, ...Refusal[]], options?: SigilErrorOptions) {
    super(refusals[0].code, `Denied. ${refusals.map(explain).join(". ")}.`, options);
    this.refusals = refusals;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), refusals: this.refusals };
  }
}

const BUDGET_CODES = {
  ERR_BUDGET: true,
  ERR_USES: true,
  ERR_IN_FLIGHT: true,
} satisfies Readonly<Record<BudgetCode, true>>;

/**
 * The error of a list of refusals, of the class that carries the code of the first one; undefined
 * for an empty list, which prohibits nothing.
 */
export function denied(refusals: readonly Refusal[]): DeniedError | undefined {
  const [first, ...others] = refusals;
  if (first === undefined) return undefined;
  return Object.hasOwn(BUDGET_CODES, first.code)
    ? new BudgetError([first, ...others])
    : new DeniedError([first, ...others]);
}

/** A counted limit (budget, uses) somewhere on the chain has too little left. Nothing was spent. */
export class BudgetError extends DeniedError {
  declare readonly code: BudgetCode;
  readonly spent = "no";
}

/** A challenge or invoice that must not be paid. Nothing was spent. */
export class ChallengeError extends SigilError {
  declare readonly code: ChallengeCode;
  readonly spent = "no";

  constructor(code: ChallengeCode, message: string, options?: SigilErrorOptions) {
    super(code, message, options);
  }
}

/** Whether money left the wallet. `unknown` keeps its reservation until the wallet knows. */
export type Spent = "no" | "yes" | "unknown";

/** A payment that was not made, not finished, or bought nothing. */
export class PaymentError extends SigilError {
  declare readonly code: PaymentCode;
  readonly spent: Spent;

  constructor(code: PaymentCode, spent: Spent, message: string, options?: SigilErrorOptions) {
    super(code, message, options);
    this.spent = spent;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), spent: this.spent };
  }
}

/**
 * The first fault of an export of receipts: the line that it is in, and what is wrong there.
 * spec/6-receipts.md §5.
 */
export class ReceiptError extends SigilError {
  declare readonly code: ReceiptCode;
  /** From 1. */
  readonly line: number;

  constructor(code: ReceiptCode, line: number, what: string, options?: SigilErrorOptions) {
    super(code, `Line ${line}: ${what}.`, options);
    this.line = line;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), line: this.line };
  }
}

/** A wallet, store, treasury or service behind a port failed. */
export class AdapterError extends SigilError {
  declare readonly code: AdapterCode;

  constructor(code: AdapterCode, message: string, options?: SigilErrorOptions) {
    super(code, message, options);
  }
}
