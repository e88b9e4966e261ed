/** The error for a verb of a command that is missing or unknown. */
import { nearest } from "l8nt/caveats";
import { UsageError } from "./exit.ts";
import { plainName } from "./secrecy.ts";

/** The error for a verb that is missing, or is none of `names`. */
export function wrongVerb(
  typed: string | undefined,
  names: readonly string[],
  usage: string,
): UsageError {
  if (typed === undefined) return new UsageError(`Missing verb. Usage: ${usage}.`);
  const plain = plainName(typed);
  if (plain === undefined) return new UsageError(`Unknown verb. Usage: ${usage}.`);
  const near = nearest(plain, names);
  return new UsageError(
    `Unknown verb ${plain}. ${near === undefined ? `Usage: ${usage}.` : `Did you mean ${near}?`}`,
  );
}
