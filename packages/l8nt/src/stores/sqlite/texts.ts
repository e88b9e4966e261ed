/**
 * Records as JSON: `bigint`, which JSON has not, is an object that nothing else of ours looks like.
 */

const MARK = "$msat";

export const textOf = (value: unknown): string =>
  JSON.stringify(value, (_key, member) =>
    typeof member === "bigint" ? { [MARK]: `${member}` } : member,
  );

export const valueOfText = <Value>(text: unknown): Value =>
  JSON.parse(String(text), (_key, member) =>
    typeof member === "object" && member !== null && MARK in member ? BigInt(member[MARK]) : member,
  );
