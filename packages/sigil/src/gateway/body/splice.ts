/** Changes one value in a JSON text and leaves every other character as it was. */

import { type Json, type Path, pathText } from "./edit.ts";
import { BodyError } from "./error.ts";
import { CLOSE_BRACE, CLOSE_BRACKET, OPEN_BRACE, OPEN_BRACKET, Tokens } from "./tokens.ts";

/** The text with the value at `path` replaced, or added as the last member of its object. */
export function splice(text: string, path: Path, value: Json): string {
  let from = 0;
  for (const [depth, part] of path.entries()) {
    const found = find(text, from, part);
    if (found === undefined)
      throw new BodyError("bad_field", `The body has no ${pathText(path.slice(0, depth + 1))}.`);
    if ("insertAt" in found) {
      // What is missing below is made on the way: `stream_options: {include_usage: true}`.
      const rest = path.slice(depth + 1);
      const made = rest.reduceRight<Json>((inner, name) => ({ [name]: inner }), value);
      const member = `${JSON.stringify(part)}:${JSON.stringify(made)}`;
      const separator = found.isEmpty ? "" : ",";
      return text.slice(0, found.insertAt) + separator + member + text.slice(found.insertAt);
    }
    from = found.start;
  }
  const { start, end } = extent(text, from);
  return text.slice(0, start) + JSON.stringify(value) + text.slice(end);
}

interface Found {
  readonly start: number;
}
interface Missing {
  /** After the last member, or after the brace of an empty object. */
  readonly insertAt: number;
  readonly isEmpty: boolean;
}

/** Looks for a member or item in the object or array that starts at `from`. */
function find(text: string, from: number, part: string | number): Found | Missing | undefined {
  const tokens = new Tokens(text, from);
  const kind = tokens.next();
  if (typeof part === "number") {
    if (kind !== OPEN_BRACKET) return undefined;
    for (let index = 0; tokens.next() !== CLOSE_BRACKET; index++) {
      if (index === part) return { start: tokens.start };
      tokens.toEndOfValue();
      if (tokens.next() === CLOSE_BRACKET) return undefined;
    }
    return undefined;
  }
  if (kind !== OPEN_BRACE) return undefined;
  let insertAt = tokens.end;
  let isEmpty = true;
  while (tokens.next() !== CLOSE_BRACE) {
    const name = tokens.text;
    tokens.next();
    tokens.next();
    if (name === part) return { start: tokens.start };
    tokens.toEndOfValue();
    insertAt = tokens.end;
    isEmpty = false;
    if (tokens.next() === CLOSE_BRACE) break;
  }
  return { insertAt, isEmpty };
}

function extent(text: string, from: number): { start: number; end: number } {
  const tokens = new Tokens(text, from);
  tokens.next();
  const start = tokens.start;
  tokens.toEndOfValue();
  return { start, end: tokens.end };
}
