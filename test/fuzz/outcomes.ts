/** What fuzz targets are, and what they may come to. */
import type { Random } from "./mutate.ts";

export interface Target {
  readonly input: (random: Random) => string;
  /** The class of the outcome. Throws for what must not be. */
  readonly run: (input: string) => string;
  /** Not to be printed. */
  readonly isSecret?: (input: string) => boolean;
}

class Fault extends Error {}
export const must = (holds: boolean, what: string): void => {
  if (!holds) throw new Fault(what);
};

/** The code of an error of the kind that is allowed; every other one goes on up. */
export function codeOf(
  kinds: readonly (new (...args: never[]) => Error & { readonly code: string })[],
  attempt: () => string,
): string {
  try {
    return attempt();
  } catch (error) {
    for (const kind of kinds) if (error instanceof kind) return error.code;
    throw error;
  }
}
