/** The fields that `writeHead` is given, which replace those that were set before. */
import type { ServerResponse } from "node:http";

/** An object, or a flat list of names and values. */
export type GivenFields = Record<string, unknown> | readonly unknown[];

/** Sets some of the fields on the response, and returns the others. */
export function takenFrom(
  outgoing: ServerResponse,
  given: GivenFields,
  isTaken: (name: string) => boolean,
): GivenFields {
  if (!Array.isArray(given)) {
    const others: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(given))
      if (isTaken(name)) outgoing.setHeader(name, value as string);
      else others[name] = value;
    return others;
  }
  const flat: unknown[] = given.flat();
  const others: unknown[] = [];
  const lines = new Map<string, string[]>();
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const name = String(flat[at]);
    if (isTaken(name))
      lines.set(name.toLowerCase(), [
        ...(lines.get(name.toLowerCase()) ?? []),
        String(flat[at + 1]),
      ]);
    else others.push(flat[at], flat[at + 1]);
  }
  for (const [name, values] of lines) outgoing.setHeader(name, values);
  return others;
}
