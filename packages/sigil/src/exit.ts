/** The exit codes of `sigil`, and the exit code of each kind of error. */
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

/** The list of exit codes in `sigil --help`. */
export const EXIT_HELP = `Exit codes:
  0    success
  1    the server answered an error status, or a check of the command failed
  2    the command line is wrong
  3    denied: outside the credential's scope, expired or revoked
  4    denied: a budget or a number of uses has nothing left
  5    not paid, unknown whether paid, or paid but not delivered
  6    the credential is missing, malformed, forged or not paid for
  7    a service, treasury, wallet or store cannot be reached or used
  70   a bug in sigil
  130  interrupted`;

/**
 * A mistake in the command line, the environment or a file. The message never repeats a value that
 * might be a secret.
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
