/** Finds conditions of a new credential that have no effect, or that let it allow nothing. */
import type { Credential } from "l8nt";
import { limitWords, mayMeet } from "l8nt/caveats";
import { distance } from "./words.ts";

/** Warnings about a new credential, one line each. `now` is in Unix seconds. */
export const warningsAbout = (
  parent: Credential,
  child: Credential,
  now: number,
): readonly string[] => [
  ...ended(parent, now),
  ...largerBudgets(parent, child),
  ...apart(parent, child),
];

function ended({ chain: { validUntil } }: Credential, now: number): readonly string[] {
  return validUntil === undefined || validUntil > now
    ? []
    : [`the credential above ended ${distance(validUntil - now)}, so the new one allows nothing`];
}

function largerBudgets({ chain: { limits: above } }: Credential, child: Credential): string[] {
  return child.chain.limits.slice(above.length).flatMap(({ kind, condition, max }) => {
    const smallest = above
      .filter((other) => kind === "spend" && other.condition === condition)
      .map((other) => other.max)
      .reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
    if (smallest === undefined || max <= smallest) return [];
    return [
      `${limitWords(condition, max)} is more than the ${limitWords(condition, smallest)} above; the smaller limit applies`,
    ];
  });
}

/** Warns of conditions that no request can satisfy together with the conditions above. */
function apart({ caveats: above }: Credential, child: Credential): readonly string[] {
  const names = child.caveats
    .slice(above.length)
    .filter(({ condition, value }) =>
      above.some(
        (other) => other.condition === condition && !mayMeet(condition, other.value, value),
      ),
    )
    .map(({ condition }) => condition);
  return [...new Set(names)].map(
    (name) =>
      `the new ${name} and the ${name} above have nothing in common, so the new credential allows nothing`,
  );
}
