/**
 * A vocabulary: the conditions that a verifier knows. A value, not a global; what is not in it
 * denies.
 */
import { utf8Text } from "../internal/bytes.ts";
import { Lru } from "../internal/lru.ts";
import type { AnyCondition } from "./condition.ts";
import { agent, maxDepth, purpose } from "./delegation.ts";
import { endpoints } from "./endpoints.ts";
import { limits } from "./limits.ts";
import { preimage } from "./preimage.ts";
import { maxPrice, payees } from "./price.ts";
import { serviceCondition, services } from "./services.ts";
import { validFrom, validUntil } from "./time.ts";

export interface Vocabulary {
  /**
   * The names it knows, in the order in which a challenge lists them. Families
   * (`<service>_capabilities`) are not listed.
   */
  readonly names: readonly string[];
  find(name: string): AnyCondition | undefined;
  /** One caveat's bytes; undefined where they are no `condition=value` text. */
  read(caveat: Uint8Array): ReadCaveat | undefined;
}

/**
 * A caveat, taken apart. Both unknown conditions and unreadable values deny; they are told apart
 * for the message.
 */
export interface ReadCaveat {
  readonly name: string;
  readonly text: string;
  /** Undefined for a name that is not in the vocabulary. */
  readonly condition: AnyCondition | undefined;
  /** Undefined for a text that the condition cannot read. */
  readonly value: never;
}

/** Many credentials say the same: what a text means is kept, since it never changes. */
const TEXTS_KEPT = 4096;

function vocabulary(conditions: readonly AnyCondition[], tolerated: readonly string[]): Vocabulary {
  // A Map, so that `__proto__` and `constructor` are names like any other. [case 14]
  const byName = new Map(conditions.map((condition) => [condition.name, condition]));
  for (const name of tolerated) if (!byName.has(name)) byName.set(name, tolerate(name));
  const find = (name: string) => byName.get(name) ?? serviceCondition(name);
  const kept = new Lru<string, ReadCaveat>(TEXTS_KEPT);
  const read = (caveat: Uint8Array): ReadCaveat | undefined => {
    const whole = utf8Text(caveat);
    const known = whole === undefined ? undefined : kept.get(whole);
    if (whole === undefined || known !== undefined) return known;
    const at = whole.indexOf("=");
    if (at <= 0) return undefined;
    const name = whole.slice(0, at);
    const text = whole.slice(at + 1);
    const condition = find(name);
    const entry = { name, text, condition, value: condition?.parse(text) as never };
    kept.set(whole, entry);
    return entry;
  };
  return { names: conditions.map(({ name }) => name), find, read };
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

/**
 * What a service enforces. `tolerated` lists foreign conditions that it lets pass, and thereby
 * answers for.
 */
export const serviceVocabulary = (tolerated: readonly string[] = []): Vocabulary =>
  vocabulary(SERVICE_CONDITIONS, tolerated);

/**
 * What a treasury enforces: a service's conditions, and `payees`, since it alone sees an invoice
 * before it is paid.
 */
export const treasuryVocabulary = (): Vocabulary =>
  vocabulary([...SERVICE_CONDITIONS, payees as unknown as AnyCondition], []);
