/** The elements of a list in a header field (RFC 9110 §5.6.1), whole. */

/**
 * Splits at the commas that are outside of quoted values. A quote opens a value behind `=` alone
 * (RFC 9110 §11.2), and one that never closes opens none: nothing is hidden by it. Linear.
 */
export function elementsOf(field: string): readonly string[] {
  if (!field.includes('"')) return field.split(",");
  const elements: string[] = [];
  let start = 0;
  let mayOpen = false;
  for (let at = 0; at < field.length; at++) {
    const one = field[at];
    if (one === '"' && mayOpen) {
      const end = closingQuote(field, at);
      if (end === undefined) return [...elements, ...field.slice(start).split(",")];
      at = end;
      mayOpen = false;
    } else if (one === ",") {
      elements.push(field.slice(start, at));
      start = at + 1;
      mayOpen = false;
    } else if (one !== " " && one !== "\t") mayOpen = one === "=";
  }
  return [...elements, field.slice(start)];
}

/** RFC 9110 §5.6.4: a backslash takes the next character as it is. */
function closingQuote(field: string, open: number): number | undefined {
  for (let at = open + 1; at < field.length; at++) {
    if (field[at] === '"') return at;
    if (field[at] === "\\") at++;
  }
  return undefined;
}
