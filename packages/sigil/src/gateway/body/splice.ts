/** Changes one value in a JSON text and leaves every other character as it was. */

import { type Json, type Path, pathText } from "./edit.ts";
import { BodyError } from "./error.ts";
import { moved, type Root } from "./root.ts";
import { CLOSE_BRACE, CLOSE_BRACKET, OPEN_BRACE, OPEN_BRACKET, Tokens } from "./tokens.ts";

/** A text and where the members of its root are. */
export interface Spliced {
  readonly text: string;
  readonly root: Root;
}

/** The text with the value at `path` replaced, or added as the last member of its object. */
export function splice({ text, root }: Spliced, path: Path, value: Json): Spliced {
  const [first, ...below] = path;
  const from = typeof first === "string" ? root.starts.get(first) : undefined;
  if (typeof first !== "string") throw missing(path, 1);
  if (from === undefined) {
    const { insertAt } = root;
    const inserted = memberText(path, 0, value, root.starts.size === 0);
    const { starts, insertAt: end } = moved(root, insertAt, inserted.length);
    const start = insertAt + inserted.indexOf(":", JSON.stringify(first).length) + 1;
    return {
      text: insertedAt(text, insertAt, inserted),
      root: { starts: new Map(starts).set(first, start), insertAt: end },
    };
  }
  let at = from;
  for (const [depth, part] of below.entries()) {
    const found = find(text, at, part);
    if (found === undefined) throw missing(path, depth + 2);
    if ("insertAt" in found) {
      const inserted = memberText(path, depth + 1, value, found.isEmpty);
      return {
        text: insertedAt(text, found.insertAt, inserted),
        root: moved(root, found.insertAt, inserted.length),
      };
    }
    at = found.start;
  }
  const { start, end } = extent(text, at);
  const made = JSON.stringify(value);
  return {
    text: text.slice(0, start) + made + text.slice(end),
    root: moved(root, start, made.length - (end - start)),
  };
}

const missing = (path: Path, parts: number): BodyError =>
  new BodyError("bad_field", `The body has no ${pathText(path.slice(0, parts))}.`);

const insertedAt = (text: string, at: number, inserted: string): string =>
  text.slice(0, at) + inserted + text.slice(at);

/** What is missing below is made on the way: `stream_options: {include_usage: true}`. */
function memberText(path: Path, depth: number, value: Json, isFirst: boolean): string {
  const rest = path.slice(depth + 1);
  const made = rest.reduceRight<Json>((inner, name) => ({ [name]: inner }), value);
  return `${isFirst ? "" : ","}${JSON.stringify(path[depth])}:${JSON.stringify(made)}`;
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
