/** A change of one member of a JSON body. */

/** Names of members and indexes of items, from the root on. */
export type Path = readonly (string | number)[];

/** A value that JSON can carry. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json };

/** Sets the member or item at a path. A member that is missing is added as the last one. */
export interface Edit {
  readonly path: Path;
  readonly value: Json;
}

/** An edit that sets the value at `path`. */
export const set = (path: Path, value: Json): Edit => ({ path, value });

/** A path for people: `tools[0].max_uses`. */
export const pathText = (path: Path): string =>
  path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`))
    .join("")
    .replace(/^\./, "");
