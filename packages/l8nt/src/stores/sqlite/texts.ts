/** Records as JSON. A `bigint`, which JSON lacks, is an object that no record contains. */

const MARK = "$integer";

export const textOf = (value: unknown): string =>
  JSON.stringify(value, (_key, member) =>
    typeof member === "bigint" ? { [MARK]: `${member}` } : member,
  );

export const valueOfText = <Value>(text: unknown): Value =>
  withIntegers(JSON.parse(String(text))) as Value;

/** In place. A function that `JSON.parse` calls for each member takes several times as long. */
function withIntegers(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (MARK in value) return BigInt(value[MARK] as string);
  const members = value as Record<string, unknown>;
  for (const name in members) {
    const member = members[name];
    if (typeof member === "object") members[name] = withIntegers(member);
  }
  return value;
}
