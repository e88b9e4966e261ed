/** Fields of a request body, which is not to be trusted. */

import type { JsonBody } from "../body/json-body.ts";
import { folded } from "../body/keys.ts";
import type { Target } from "../core/request.ts";
import { type Allowances, NO_ALLOWANCES } from "./preset.ts";
import { RequestRefused } from "./refused.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The items of an array; none of anything else. */
export const itemsOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/**
 * The items of an array in a request; none if missing or null. Some vendors take one value for an
 * array with one item, so any other value is refused.
 */
export function listOf(value: unknown, name: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw refused(`"${name}" must be an array.`);
  return value;
}

/** The objects in an array. Google's readers take one object for an array with one item. */
export const objectsOf = (value: unknown): readonly Fields[] =>
  isObject(value) ? [value] : itemsOf(value).filter(isObject);

const refused = (message: string): RequestRefused => new RequestRefused("bad_request", message);

/**
 * The fields of a body, all of which the preset knows.
 *
 * A field that is not known may cost what the body does not show, so it is refused until the
 * preset or the owner knows it.
 *
 * @param known undefined: any field may be there
 */
export function fieldsOf(
  body: JsonBody | undefined,
  known: ReadonlySet<string> | undefined,
  { fields }: Allowances = NO_ALLOWANCES,
): Fields {
  const value = body?.value;
  if (!isObject(value)) throw refused("The body must be a JSON object.");
  for (const name of Object.keys(value)) {
    if (known === undefined) {
      // A vendor that ignores case would read "N" as `n`.
      if (folded(name) !== name)
        throw refused(`Unknown field ${quoted(name)}: names of fields are in lower case.`);
    } else if (!known.has(name) && !fields.includes(name))
      throw new RequestRefused(
        "field_not_metered",
        `The field ${quoted(name)} is not known here, so nobody can tell what it costs. Leave it ` +
          `out, or ask the owner of the gateway to add it to "fields" of this route.`,
      );
  }
  return value;
}

/**
 * Refuses names that are not in lower case, at any depth. Readers in Go take `Images` for `images`,
 * and the last of both counts.
 *
 * @param open members inside of which names are the client's own
 */
export function checkCase(value: unknown, open: ReadonlySet<string>): void {
  if (Array.isArray(value)) for (const item of value) checkCase(item, open);
  else if (isObject(value))
    for (const [name, inner] of Object.entries(value)) {
      if (folded(name) !== name)
        throw refused(`The name ${quoted(name)} is not known here. Names are in lower case.`);
      if (!open.has(name)) checkCase(inner, open);
    }
}

/** The fields of these names that are there. */
export const picked = (fields: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(
    names.filter((name) => Object.hasOwn(fields, name)).map((name) => [name, fields[name]]),
  );

/** A name of the client in a message. */
export const quoted = (name: string): string => JSON.stringify(name.slice(0, 60));

/** A count, or undefined if the field is missing or null. Numbers in strings are refused. */
export function countIn(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw refused(`"${name}" must be a whole number, 0 or more.`);
  return value;
}

/**
 * A flag; false if missing or null. Some vendors take "true" and 1 for true, so those are refused.
 */
export function flagIn(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (value === undefined || value === null) return false;
  if (typeof value !== "boolean") throw refused(`"${name}" must be true or false.`);
  return value;
}

/** A text, or undefined if missing or null. */
export function textIn(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw refused(`"${name}" must be a string.`);
  return value;
}

/** An object, or undefined if missing or null. */
export function objectIn(fields: Fields, name: string): Fields | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw refused(`"${name}" must be an object.`);
  return value;
}

/** Whether a field has something: not missing, null, false, or empty. */
export function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== false && value !== "";
}

/** The only one of two fields for the same thing that the body has. */
export function oneOf(fields: Fields, first: string, second: string): string | undefined {
  const has = [first, second].filter((name) => fields[name] !== undefined && fields[name] !== null);
  if (has.length > 1) throw refused(`"${first}" and "${second}" say the same. Send one of them.`);
  return has[0];
}

/**
 * The model that the body names.
 *
 * @param query parameters of the query that cost nothing
 */
export function modelIn(fields: Fields, target: Target, query: readonly string[] = []): string {
  const model = textIn(fields, "model");
  if (model === undefined || model === "")
    throw new RequestRefused("model_missing", 'The body needs "model".');
  checkQuery(model, target, query);
  return model;
}

/** Checks that the query names no other model, and has nothing that the preset does not know. */
export function checkQuery(model: string, target: Target, known: readonly string[] = []): void {
  if (target.query === "") return;
  for (const [name, value] of new URLSearchParams(target.query)) {
    if (name === "model") {
      if (value !== model)
        throw new RequestRefused(
          "model_mismatch",
          `The query names the model ${quoted(value)} and the request ${quoted(model)}. Name one.`,
        );
    } else if (!known.includes(name))
      throw new RequestRefused(
        "query_not_allowed",
        `The parameter ${quoted(name)} in the query is not known here. Leave it out.`,
      );
  }
}
