/** JSON of protocol buffers: each name has a spelling in camel case and one with underscores. */
import { type Fields, quoted } from "../fields.ts";
import { RequestRefused } from "../refused.ts";

/** The spelling in camel case. */
export const camel = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The spelling of a name that an object has; undefined if it has neither. */
export function spellingIn(fields: Fields, name: string): string | undefined {
  const other = snake(name);
  const has = name !== other && Object.hasOwn(fields, other);
  if (!Object.hasOwn(fields, name)) return has ? other : undefined;
  if (has)
    throw new RequestRefused(
      "bad_request",
      `${quoted(name)} and ${quoted(other)} are two spellings of one field. Send one of them.`,
    );
  return name;
}

/** The value of a member in either spelling. */
export function memberOf(fields: Fields, name: string): unknown {
  const spelling = spellingIn(fields, name);
  return spelling === undefined ? undefined : fields[spelling];
}
