/**
 * Every error that Sigil throws: a stable code, what happened, what to do. No message ever holds a
 * credential.
 */

/**
 * A stable name for each thing that can go wrong. Programs branch on it; the message is for people.
 */
export type ErrorCode =
  | TokenCode
  | DenialCode
  | BudgetCode
  | ChallengeCode
  | PaymentCode
  | ReceiptCode
  | AdapterCode;

/** The credential itself is unusable: nobody can tell what it allows. */
export type TokenCode =
  | "ERR_TOKEN_MALFORMED"
  | "ERR_TOKEN_TOO_LARGE"
  | "ERR_TOKEN_FORGED"
  | "ERR_TOKEN_PREIMAGE"
  | "ERR_TOKEN_ROOT"
  | "ERR_TOKEN_THIRD_PARTY"
  | "ERR_TOKEN_AMBIGUOUS"
  | "ERR_TOKEN_MISSING";

/** The credential is genuine, and says no to this access. */
export type DenialCode =
  | "ERR_AGENT_UNKNOWN"
  | "ERR_SCOPE_WIDER"
  | "ERR_ENDPOINT"
  | "ERR_EXPIRED"
  | "ERR_NOT_YET_VALID"
  | "ERR_REVOKED"
  | "ERR_REVOCATION_UNKNOWN"
  | "ERR_FROZEN"
  | "ERR_PRICE"
  | "ERR_PAYEE"
  | "ERR_DEPTH"
  | "ERR_SERVICE"
  | "ERR_CAPABILITY"
  | "ERR_PREIMAGE_CAVEAT"
  | "ERR_TARGET"
  | "ERR_CAVEAT_UNKNOWN"
  | "ERR_CAVEAT_MALFORMED";

/** A counted limit has nothing left. */
export type BudgetCode = "ERR_BUDGET" | "ERR_USES" | "ERR_IN_FLIGHT";

/** The other side's challenge or invoice cannot be trusted; nothing was paid. */
export type ChallengeCode =
  | "ERR_CHALLENGE_MISSING"
  | "ERR_CHALLENGE_MALFORMED"
  | "ERR_CHALLENGE_ORIGIN"
  | "ERR_CHALLENGE_SCOPE"
  | "ERR_INVOICE_MALFORMED"
  | "ERR_INVOICE_NETWORK"
  | "ERR_INVOICE_AMOUNTLESS"
  | "ERR_INVOICE_EXPIRED"
  | "ERR_INVOICE_HASH"
  | "ERR_INVOICE_PAYEE"
  | "ERR_INVOICE_FIRST_PAYMENT";

/** Something about paying; `PaymentError.spent` says whether money moved. */
export type PaymentCode =
  | "ERR_PAYMENT_REQUIRED"
  | "ERR_PAYMENT_FAILED"
  | "ERR_PAYMENT_UNKNOWN"
  | "ERR_PAYMENT_REPEATED"
  | "ERR_PAYMENT_PREIMAGE"
  | "ERR_PAID_NOT_DELIVERED"
  | "ERR_ORIGIN_QUARANTINED";

/** An export of receipts is not what was signed. */
export type ReceiptCode =
  | "ERR_RECEIPT_MALFORMED"
  | "ERR_RECEIPT_KEY"
  | "ERR_RECEIPT_FORGED"
  | "ERR_RECEIPT_CHAIN"
  | "ERR_RECEIPT_REPEATED"
  | "ERR_RECEIPT_HEAD";

/** A wallet, a store, a treasury or a service behind a port did not answer as it should. */
export type AdapterCode =
  | "ERR_WALLET"
  | "ERR_STORE"
  | "ERR_TREASURY"
  | "ERR_TREASURY_STOPPED"
  | "ERR_SERVICE_UNREACHABLE"
  | "ERR_PRICE_FUNCTION"
  | "ERR_FEED"
  | "ERR_RATE_LIMITED"
  | "ERR_REQUEST"
  | "ERR_TOO_LARGE"
  | "ERR_REDIRECT";

/** The root of Sigil's errors. Prints and serialises as its code and message alone. */
export class SigilError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }

  toJSON(): Record<string, unknown> {
    return { name: this.name, code: this.code, message: this.message };
  }
}

/** A credential that is malformed, forged, or not paid for. HTTP 401. spec/1-credential.md §5. */
export class TokenError extends SigilError {
  declare readonly code: TokenCode;

  constructor(code: TokenCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** One caveat's "no": what was held, what was needed, and whose caveat it is. */
export interface Refusal {
  readonly code: DenialCode | BudgetCode;
  /** The condition that said no, e.g. `endpoints`. */
  readonly condition: string;
  /**
   * The node that the condition belongs to: its id (hex), and its agent name; the root has none.
   */
  readonly node?: { readonly id: string; readonly agent?: string };
  readonly have: string;
  readonly need: string;
}

/** "you have …; you need …", for people. */
export function explain(refusal: Refusal): string {
  const whose = refusal.node?.agent === undefined ? "" : ` (set for agent ${refusal.node.agent})`;
  return `${refusal.condition}${whose}: you have ${refusal.have}; you need ${refusal.need}`;
}

/**
 * A genuine credential that does not cover this access. `refusals` lists every caveat that said no.
 */
export class DeniedError extends SigilError {
  declare readonly code: DenialCode | BudgetCode;
  readonly refusals: readonly Refusal[];

  constructor(refusals: readonly [Refusal, ...Refusal[]], options?: ErrorOptions) {
    super(refusals[0].code, `Denied. ${refusals.map(explain).join(". ")}.`, options);
    this.refusals = refusals;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), refusals: this.refusals };
  }
}

/** The error of a list of refusals; an empty list is a yes, and has none. */
export function denied(refusals: readonly Refusal[]): DeniedError | undefined {
  const [first, ...others] = refusals;
  return first === undefined ? undefined : new DeniedError([first, ...others]);
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

  constructor(code: ChallengeCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** Whether money left the wallet. `unknown` keeps its reservation until the wallet knows. */
export type Spent = "no" | "yes" | "unknown";

/** A payment that was not made, not finished, or bought nothing. */
export class PaymentError extends SigilError {
  declare readonly code: PaymentCode;
  readonly spent: Spent;

  constructor(code: PaymentCode, spent: Spent, message: string, options?: ErrorOptions) {
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

  constructor(code: ReceiptCode, line: number, what: string, options?: ErrorOptions) {
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

  constructor(code: AdapterCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}
