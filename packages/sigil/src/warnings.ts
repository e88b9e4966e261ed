/** What a new credential says and cannot mean: everything above it still holds. */
import type { Credential } from "l8nt";
import { type CaveatText, distance, inWords } from "./words.ts";

/**
 * For people; a credential that is worth nothing is a credential all the same. `now` is in Unix
 * seconds.
 */
export function warningsAbout(
  parent: Credential,
  child: Credential,
  now: number,
): readonly string[] {
  const above = parent.caveats;
  const added = child.caveats.slice(above.length);
  return [...ended(parent, now), ...largerBudgets(above, added), ...elsewhere(above, added)];
}

function ended({ chain: { validUntil } }: Credential, now: number): readonly string[] {
  return validUntil === undefined || validUntil > now
    ? []
    : [`the credential above ended ${distance(validUntil - now)}; the new one is worth nothing`];
}

function largerBudgets(
  above: readonly CaveatText[],
  added: readonly CaveatText[],
): readonly string[] {
  return added.flatMap(({ condition, value }) => {
    if (!condition.startsWith("budget_msat")) return [];
    const smallest = above
      .filter((other) => other.condition === condition && /^\d{1,19}$/.test(other.value))
      .map((other) => BigInt(other.value))
      .reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
    if (smallest === undefined || BigInt(value) <= smallest) return [];
    const say = (msat: string) => inWords({ condition, value: msat }, 0).join();
    return [`${say(value)} is more than the ${say(`${smallest}`)} above it; the smaller holds`];
  });
}

/** By origins alone: paths that exclude each other are not looked for. */
function elsewhere(above: readonly CaveatText[], added: readonly CaveatText[]): readonly string[] {
  const originsOf = (texts: readonly CaveatText[]) =>
    texts
      .filter(({ condition }) => condition === "endpoints")
      .map(({ value }) => value.split(";").map(readOrigin));
  const isApart = originsOf(added).some((ours) =>
    originsOf(above).some(
      (theirs) => !ours.some((one) => theirs.some((other) => mayMeet(one, other))),
    ),
  );
  return isApart
    ? [
        "the new endpoints have nothing in common with those above; the new credential allows nothing",
      ]
    : [];
}

interface OriginPattern {
  readonly scheme: string;
  /** A name, `*.name`, or `*`. */
  readonly host: string;
  /** Digits, `*`, or nothing: the scheme's own. */
  readonly port: string;
}

/** Undefined where it cannot be read: then nothing is said about it. */
function readOrigin(endpoint: string): OriginPattern | undefined {
  const [, scheme, host, port = ""] =
    /^\S+ (https?):\/\/(\[[^\]]*\]|[^/:]*)(?::(\d+|\*))?\//.exec(endpoint) ?? [];
  return scheme === undefined || host === undefined ? undefined : { scheme, host, port };
}

function mayMeet(a: OriginPattern | undefined, b: OriginPattern | undefined): boolean {
  if (a === undefined || b === undefined) return true;
  return (
    a.scheme === b.scheme &&
    (a.port === b.port || a.port === "*" || b.port === "*") &&
    (a.host === b.host || covers(a.host, b.host) || covers(b.host, a.host))
  );
}

const covers = (pattern: string, host: string): boolean =>
  pattern === "*" || (pattern.startsWith("*.") && host.endsWith(pattern.slice(1)));
