/** The conditions that one verifier knows. Any other condition denies. */
import { type Binary, binaryOf, bytesOf, utf8OfBinary } from "../internal/bytes.ts";
import { Lru } from "../internal/lru.ts";
import { type AnyCondition, condition } from "./condition.ts";
import { CONDITIONS, familyCondition } from "./conditions/table.ts";

export interface Vocabulary {
  /**
   * The names it knows, in the order in which a challenge lists them. Families
   * (`<service>_capabilities`) are not listed.
   */
  readonly names: readonly string[];
  find(name: string): AnyCondition | undefined;
  /** Reads the bytes of one caveat; undefined if they are not a `condition=value` text. */
  read(caveat: Binary): ReadCaveat | undefined;
}

/**
 * A caveat, taken apart. Unknown conditions and unreadable values both deny; the message tells them
 * apart.
 */
export interface ReadCaveat {
  readonly name: string;
  readonly text: string;
  /** Undefined for a name that is not in the vocabulary. */
  readonly condition: AnyCondition | undefined;
  /** Undefined for a text that the condition cannot read. */
  readonly value: never;
}

/** Many credentials hold the same caveats, and the meaning of a text never changes. */
const TEXTS_KEPT = 4096;

function vocabulary(conditions: readonly AnyCondition[], tolerated: readonly string[]): Vocabulary {
  // A Map, so that `__proto__` and `constructor` are names like any other. [case 14]
  const byName = new Map(conditions.map((row) => [row.name, row]));
  for (const name of tolerated) if (!byName.has(name)) byName.set(name, tolerate(name));
  const find = (name: string) => byName.get(name) ?? familyCondition(name);
  const kept = new Lru<Binary, ReadCaveat>(TEXTS_KEPT);
  const read = (presented: Binary): ReadCaveat | undefined => {
    const known = kept.get(presented);
    if (known !== undefined) return known;
    // A copy, because a part of a packet keeps the whole packet in memory.
    const caveat = binaryOf(bytesOf(presented));
    const whole = utf8OfBinary(caveat);
    const at = whole?.indexOf("=") ?? -1;
    if (whole === undefined || at <= 0) return undefined;
    const name = whole.slice(0, at);
    const text = whole.slice(at + 1);
    const found = find(name);
    const entry = { name, text, condition: found, value: found?.parse(text) as never };
    kept.set(caveat, entry);
    return entry;
  };
  return { names: conditions.map(({ name }) => name), find, read };
}

/** A foreign condition that a service lets pass. */
const tolerate = (name: string): AnyCondition =>
  condition<string>({
    name,
    judgedBy: "service",
    handOver: "relay",
    fields: [],
    parse: (text) => text,
  }) as unknown as AnyCondition;

/**
 * The conditions that a service enforces. `tolerated` lists foreign conditions that it lets pass,
 * and thereby answers for.
 */
export const serviceVocabulary = (tolerated: readonly string[] = []): Vocabulary =>
  vocabulary(
    CONDITIONS.filter(({ judgedBy }) => judgedBy !== "treasury"),
    tolerated,
  );

/** The conditions that a treasury enforces: every one of the table. */
export const treasuryVocabulary = (): Vocabulary => vocabulary(CONDITIONS, []);
