/** `ledger`: where the limits are counted. spec/9-public-key.md §7. */
import { type ConditionTexts, caveatOf, condition } from "../condition.ts";
import { type Check, check, fact, query, text } from "../datalog.ts";
import { field, writeList } from "../field.ts";
import { typedText } from "../flag.ts";
import { formatOrigin, readOrigin } from "../target.ts";

const NAME = "ledger";

const ENTRY = {
  read: (text: string) => {
    const origin = readOrigin(text);
    return origin && formatOrigin(origin) === text ? text : undefined;
  },
  form: "one origin without a path",
};

export const ledger = condition<string>({
  name: NAME,
  judgedBy: "both",
  handOver: "dropped",
  fields: [
    field("ledger", (origin, terms) =>
      writeList([origin], terms, ENTRY).map((one) => caveatOf({ name: NAME }, one)),
    ),
  ],
  code: "ERR_LEDGER",
  parse: ENTRY.read,
  prohibits: (have, { ledger }) =>
    ledger === undefined || ledger === have ? undefined : { have, need: ledger ?? "none" },
  covers: (outer, inner) => inner === outer,
});

export const ledgerCheck = (origin: string): Check => check(query([fact(NAME, text(origin))]));

export const ledgerTexts: ConditionTexts<string> = {
  spec: {
    value: "one origin, as §3 writes it, without a path",
    denies: "the verifier's own location has another origin, or it has no ledger",
  },
  fields: {
    ledger: {
      example: '"https://api.example"',
      flag: {
        name: "ledger",
        value: "ORIGIN",
        help: "the only service whose ledger counts the limits",
        read: typedText,
      },
    },
  },
  words: (origin) => [`counted at ${origin} alone`],
};
