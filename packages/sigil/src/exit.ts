/** The exit codes of `sigil`, and which error ends in which. The one place that knows. */
import {
  AdapterError,
  BudgetError,
  ChallengeError,
  DeniedError,
  PaymentError,
  SigilError,
  TokenError,
} from "l8nt";

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  denied: 3,
  budget: 4,
  payment: 5,
  credential: 6,
  unreachable: 7,
  bug: 70,
  interrupted: 130,
} as const;

export const EXIT_HELP = `Exit codes:
  0    done
  1    the server answered with an error status, a step of the demo failed, or receipts do not hold
  2    the command line cannot be read
  3    denied: outside the credential's scope, expired or revoked
  4    denied: a budget or a number of uses has nothing left
  5    not paid, not known whether paid, or paid and not delivered
  6    the credential cannot be used: missing, malformed, forged, not paid for
  7    the service, the treasury, the wallet or a store cannot be reached, or cannot be used
  70   a bug in sigil
  130  interrupted`;

/**
 * What the person who typed the command can mend. Its message never repeats a value that might be a
 * secret.
 */
export class UsageError extends Error {
  readonly code = "ERR_USAGE";
  override readonly name = "UsageError";
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof BudgetError) return EXIT.budget;
  if (error instanceof DeniedError) return EXIT.denied;
  if (error instanceof TokenError) return EXIT.credential;
  if (error instanceof PaymentError || error instanceof ChallengeError) return EXIT.payment;
  if (error instanceof AdapterError)
    return error.code === "ERR_REQUEST" || error.code === "ERR_TOO_LARGE"
      ? EXIT.usage
      : EXIT.unreachable;
  return error instanceof SigilError ? EXIT.failed : EXIT.bug;
}
