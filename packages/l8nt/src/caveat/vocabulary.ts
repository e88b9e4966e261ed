/** A vocabulary: the conditions that a verifier knows. A value, not a global; what is not in it denies. */
import type { AnyCondition } from "./condition.ts";
import { agent, maxDepth, purpose } from "./delegation.ts";
import { endpoints } from "./endpoints.ts";
import { limits } from "./limits.ts";
import { preimage } from "./preimage.ts";
import { maxPrice, payees } from "./price.ts";
import { serviceCondition, services } from "./services.ts";
import { validFrom, validUntil } from "./time.ts";

export interface Vocabulary {
  /** The names it knows, in the order in which a challenge lists them. Families (`<service>_capabilities`) are not listed. */
  readonly names: readonly string[];
  find(name: string): AnyCondition | undefined;
}

function vocabulary(conditions: readonly AnyCondition[], tolerated: readonly string[]): Vocabulary {
  // A Map, so that `__proto__` and `constructor` are names like any other. [case 14]
  const byName = new Map(conditions.map((condition) => [condition.name, condition]));
  for (const name of tolerated) if (!byName.has(name)) byName.set(name, tolerate(name));
  return {
    names: conditions.map(({ name }) => name),
    find: (name) => byName.get(name) ?? serviceCondition(name),
  };
}

const tolerate = (name: string): AnyCondition => ({ name, parse: () => null as never });

const SERVICE_CONDITIONS = [
  endpoints,
  validUntil,
  validFrom,
  maxPrice,
  ...limits,
  agent,
  maxDepth,
  purpose,
  services,
  preimage,
] as readonly unknown[] as readonly AnyCondition[];

/** What a service enforces. `tolerated` lists foreign conditions that it lets pass, and thereby answers for. */
export const serviceVocabulary = (tolerated: readonly string[] = []): Vocabulary =>
  vocabulary(SERVICE_CONDITIONS, tolerated);

/** What a treasury enforces: a service's conditions, and `payees`, since it alone sees an invoice before it is paid. */
export const treasuryVocabulary = (): Vocabulary =>
  vocabulary([...SERVICE_CONDITIONS, payees as unknown as AnyCondition], []);
