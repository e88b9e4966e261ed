/** Reads the options of an interface, with their doc comments, from its source. */

export interface Option {
  readonly key: string;
  /** As Markdown. */
  readonly type: string;
  /** As Markdown; undefined for an option without a default. */
  readonly byDefault: string | undefined;
  readonly text: string;
}

/** Types of the library that people write as text. */
const TYPES: Readonly<Record<string, string>> = {
  AmountText: "amount",
  Duration: "duration",
  MaxFee: "fee",
  InFlightOptions: "object",
};

/** What an interface declares, in order. @throws Error for an option without a doc comment */
export function readOptions(source: string, name: string): readonly Option[] {
  const body = new RegExp(`^export interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)^\\}`, "m").exec(
    source,
  )?.[1];
  if (body === undefined) throw new Error(`there is no interface ${name}`);
  const members = body.matchAll(
    /(?:^ {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^ {2}readonly (\w+)\??: ([^;]+);/gm,
  );
  return [...members].map(([, comment, key = "", type = ""]) => {
    if (comment === undefined) throw new Error(`${name}.${key} has no doc comment`);
    const told = comment
      .replace(/^\s*\*/gm, "")
      .replace(/\s+/g, " ")
      .trim();
    const [text = "", byDefault] = told.split(/ ?@default /);
    return { key, type: TYPES[type] ?? type, byDefault: asCode(byDefault), text };
  });
}

/** A value as code; words about a default stay words. */
const asCode = (text: string | undefined): string | undefined =>
  text?.replace(/^("[^"]*"|\{.*\}|true|false|\d+)/, "`$1`");
