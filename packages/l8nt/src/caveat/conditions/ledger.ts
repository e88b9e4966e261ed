/** `ledger`: where the limits are counted. spec/9-public-key.md §7. */
import { type ConditionTexts, caveatOf, condition } from "../condition.ts";
import { type Check, check, fact, query, text } from "../datalog.ts";
import { field, writeList } from "../field.ts";
import { typedText } from "../flag.ts";
import { readBase } from "../target.ts";

const NAME = "ledger";

const ENTRY = {
  read: (text: string) => (readBase(text)?.text === text ? text : undefined),
  form: "the location of one service, without a slash at its end",
};

export const ledger = condition<string>({
  name: NAME,
  judgedBy: "both",
  handOver: "dropped",
  fields: [
    field("ledger", (location, terms) =>
      writeList([location], terms, ENTRY).map((one) => caveatOf({ name: NAME }, one)),
    ),
  ],
  code: "ERR_LEDGER",
  parse: ENTRY.read,
  prohibits: (have, { ledger }) =>
    ledger === undefined || ledger === have ? undefined : { have, need: ledger ?? "none" },
  covers: (outer, inner) => inner === outer,
});

export const ledgerCheck = (location: string): Check => check(query([fact(NAME, text(location))]));

export const ledgerTexts: ConditionTexts<string> = {
  spec: {
    value:
      "the location of one service: an origin as §3 writes it, and the path that a proxy removes, if one does",
    denies: "the verifier's own location is another one, or it has no ledger",
  },
  fields: {
    ledger: {
      example: '"https://api.example"',
      flag: {
        name: "ledger",
        value: "LOCATION",
        help: "the only service whose ledger counts the limits",
        read: typedText,
      },
    },
  },
  words: (location) => [`counted at ${location} alone`],
};
