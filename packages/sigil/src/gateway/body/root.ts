/** Where the members of a body's root are, so that an edit does not look through the whole text. */

/** The root object of a JSON text. */
export interface Root {
  /** Where the value of each member starts. */
  readonly starts: ReadonlyMap<string, number>;
  /** Where a new member is added: after the last one, or after the brace of an empty object. */
  readonly insertAt: number;
}

/** The root of a text that has grown by `by` characters behind `at`. */
export const moved = ({ starts, insertAt }: Root, at: number, by: number): Root => ({
  starts: new Map([...starts].map(([name, start]) => [name, start > at ? start + by : start])),
  insertAt: insertAt + by,
});
