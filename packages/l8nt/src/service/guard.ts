/**
 * What a guard leaves on a request that it let through, for a guard after it: a request that is
 * guarded twice is counted once. spec/3-challenge.md §5.
 */
import { mentionsCredential } from "../l402/authorization.ts";
import type { Presented } from "../l402/index.ts";
import type { Grant, RequestFacts } from "./decision.ts";
import type { Terms } from "./terms.ts";

export interface Passed {
  readonly terms: Terms;
  /** The method and the target that were judged. */
  readonly method: string;
  readonly target: string;
  /** The fields of the credential, which the handler does not see. */
  readonly presented: Presented;
  /** If a use was claimed. */
  readonly claimed?: Grant | undefined;
}

/** Its fields are private, because a request may be written to a log. */
export class Guard {
  #passed: Passed;

  constructor({ presented: { authorization, macaroon }, ...passed }: Passed) {
    this.#passed = { ...passed, presented: { authorization, macaroon } };
  }

  get passed(): Passed {
    return this.#passed;
  }

  /** The claim has ended: a guard that comes later claims for itself. */
  end(): void {
    this.#passed = { ...this.#passed, claimed: undefined };
  }
}

/** A property, because a `WeakMap` would cost a request more than its judgement does. */
const GUARD = Symbol("l8nt.guard");

interface Guarded {
  [GUARD]?: Guard | undefined;
}

export const guardOf = (request: object | undefined): Guard | undefined =>
  (request as Guarded | undefined)?.[GUARD];

export function leaveGuard(request: object | undefined, guard: Guard | undefined): void {
  if (request !== undefined && guard !== undefined) (request as Guarded)[GUARD] = guard;
}

/** What a request presents, also to a guard behind one that has taken the credential out of it. */
export function presentedBy(facts: RequestFacts): Presented {
  const before = guardOf(facts.request);
  return before === undefined || hasCredential(facts) ? facts : before.passed.presented;
}

export const hasCredential = ({ authorization, macaroon }: Presented): boolean =>
  (macaroon ?? undefined) !== undefined || mentionsCredential(authorization ?? "");
