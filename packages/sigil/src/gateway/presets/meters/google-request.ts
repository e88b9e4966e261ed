/** What all requests to Gemini have: a model in the path, and two spellings for each field. */

import type { JsonBody } from "../../body/json-body.ts";
import type { Target } from "../../core/request.ts";
import { checkQuery, type Fields, fieldsOf, isObject, quoted } from "../fields.ts";
import type { Allowances } from "../preset.ts";
import { RequestRefused } from "../refused.ts";
import { camel, memberOf, spellingIn } from "./proto.ts";

/**
 * Parameters of the query that change no cost. Missing is `fields`, which can take the usage out
 * of the answer.
 */
const QUERY = ["key", "alt", "prettyPrint"];

/** The fields of a body, none of which is there in two spellings. */
export function googleFields(
  body: JsonBody | undefined,
  known: ReadonlySet<string>,
  allowances: Allowances,
): Fields {
  const value = body?.value;
  const names = isObject(value) ? Object.keys(value) : [];
  const fields = fieldsOf(
    body,
    new Set(names.filter((name) => known.has(camel(name)))),
    allowances,
  );
  for (const name of names) spellingIn(fields, camel(name));
  return fields;
}

/** The model and the method of the path. A model in the body or the query must be the same. */
export function googleModel(fields: Fields, target: Target) {
  const match = /\/models\/([A-Za-z0-9._-]+):([A-Za-z]+)$/.exec(target.path);
  if (match === null)
    throw new RequestRefused("model_missing", "The path must end in models/MODEL:METHOD.");
  const [, model = "", method = ""] = match;
  checkQuery(model, target, QUERY);
  const alt = new URLSearchParams(target.query).getAll("alt");
  if (alt.length > 1 || !["json", "sse"].includes(alt[0] ?? "json"))
    throw new RequestRefused("query_not_allowed", "alt must be sse or json, once.");
  checkModel(memberOf(fields, "model"), model);
  return { model, method, alt: alt[0] };
}

/** Checks that a model in the body is the one of the path. */
export function checkModel(named: unknown, model: string): void {
  if (named === undefined || named === null) return;
  if (named !== model && named !== `models/${model}`)
    throw new RequestRefused(
      "model_mismatch",
      `The path names the model ${quoted(model)} and the body ${quoted(`${named}`)}. Name one.`,
    );
}
