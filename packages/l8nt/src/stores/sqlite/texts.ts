/** Records as JSON. A `bigint`, which JSON lacks, is an object that no record contains. */

const MARK = "$integer";

export const textOf = (value: unknown): string =>
  JSON.stringify(value, (_key, member) =>
    typeof member === "bigint" ? { [MARK]: `${member}` } : member,
  );

export const valueOfText = <Value>(text: unknown): Value =>
  JSON.parse(String(text), (_key, member) =>
    typeof member === "object" && member !== null && MARK in member ? BigInt(member[MARK]) : member,
  );
