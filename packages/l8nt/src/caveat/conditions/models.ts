/** `model`: which models of an AI service, by name or by the beginning of the name. */
import { type ConditionTexts, caveatOf, condition } from "../condition.ts";
import {
  apply,
  type Check,
  check,
  fact,
  OWN_AFFAIRS,
  query,
  setOf,
  text,
  truth,
  variable,
} from "../datalog.ts";
import { field, readList, writeList } from "../field.ts";
import { typedList } from "../flag.ts";

const NAME = "model";
// Visible ASCII without the comma; `*` only at the end.
const ENTRY_TEXT = /^(?=.)[!-)+\x2d-~]*\*?$/;

const ENTRY = {
  read: (text: string) => (ENTRY_TEXT.test(text) ? text : undefined),
  form: 'models, such as "gpt-5*"',
};

const matches = (entry: string, model: string): boolean =>
  entry.endsWith("*") ? model.startsWith(entry.slice(0, -1)) : model === entry;

export const models = condition<readonly string[]>({
  name: NAME,
  judgedBy: "service",
  handOver: "relay",
  fields: [
    field("models", (entries, { what }) => [
      caveatOf({ name: NAME }, writeList(entries, { what }, ENTRY).join(",")),
    ]),
  ],
  code: "ERR_MODEL",
  parse: (text) => readList(text, ENTRY_TEXT),
  prohibits: (entries, { target, model }) =>
    target === "self" ||
    model === null ||
    (model !== undefined && entries.some((entry) => matches(entry, model)))
      ? undefined
      : {
          have: entries.length === 0 ? "no model at all" : entries.join(", "),
          need: model ?? "a credential that names no models",
        },
  // No name has a `*`, so an entry with one is covered as if it were a name.
  covers: (outer, inner) => inner.every((entry) => outer.some((one) => matches(one, entry))),
});

export function modelsCheck(entries: readonly string[]): Check {
  const model = [fact("model", variable("m"))];
  const names = entries.filter((entry) => !entry.endsWith("*"));
  const prefixes = entries.filter((entry) => entry.endsWith("*"));
  return check(
    ...(names.length === 0
      ? []
      : [query(model, ...apply(setOf(names), "contains", variable("m")))]),
    ...prefixes.map((entry) =>
      query(model, ...apply(variable("m"), "starts_with", text(entry.slice(0, -1)))),
    ),
    query([fact("uses_no_model", truth)]),
    query([OWN_AFFAIRS]),
  );
}

export const modelsTexts: ConditionTexts<readonly string[]> = {
  spec: {
    value: "names joined by `,`; a `*` at the end of one stands for any text",
    denies:
      "the request uses a model that no name matches, or the verifier does not say which model it uses",
  },
  fields: {
    models: {
      example: '["gpt-5*", "o4-mini"]',
      flag: {
        name: "model",
        value: "NAME",
        help: "a model of an AI service, or the beginning of its name: gpt-5*",
        repeatable: true,
        read: typedList,
      },
    },
  },
  words: (entries) =>
    entries.length === 0 ? ["no model at all"] : entries.map((entry) => `model ${entry}`),
};
