/** The model that a query names. */

/** What some reader takes for `model`: other cases, lists, and what stands behind a `;`. */
const READS_AS_MODEL = /^model(?![a-z\d_-])/i;
const MODEL = /^[\w.:/@-]+$/;

/** Undefined if none is named; `unclear` if not once, or not as every reader reads it. */
export function modelInQuery(query: string): { readonly name: string } | "unclear" | undefined {
  const parts = query.slice(1).split(/[&;]/);
  const named = parts.filter((part) => READS_AS_MODEL.test(decoded(part).trimStart()));
  if (named.length === 0) return undefined;
  const name = new URLSearchParams(query).get("model") ?? "";
  const isClear = named.length === 1 && named[0]!.split("=", 1)[0] === "model" && MODEL.test(name);
  return isClear ? { name } : "unclear";
}

/** As it is if it cannot be decoded. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part.replaceAll("+", " "));
  } catch {
    return part;
  }
}
