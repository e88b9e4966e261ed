/** `holder`: whose key must sign the requests. spec/9-public-key.md §9. */
import { type ConditionTexts, caveatOf, condition } from "../condition.ts";
import { type Check, check, fact, query, text } from "../datalog.ts";
import { field, writeList } from "../field.ts";
import { typedText } from "../flag.ts";

const NAME = "holder";

const ENTRY = {
  // 32 bytes in base64url: the last digit has two bits that are zero.
  read: (text: string) => (/^[\w-]{42}[AEIMQUYcgkosw048]$/.test(text) ? text : undefined),
  form: "one thumbprint of a key",
};

const UNSIGNED =
  "a signature of this very request by that key, which was not used before and has not ended";

export const holder = condition<string>({
  name: NAME,
  judgedBy: "both",
  handOver: (values) => values,
  fields: [
    field(NAME, (thumbprint, terms) =>
      writeList([thumbprint], terms, ENTRY).map((one) => caveatOf({ name: NAME }, one)),
    ),
  ],
  code: "ERR_HOLDER",
  parse: ENTRY.read,
  prohibits: (have, { holder }) =>
    holder === undefined || holder === have ? undefined : { have, need: holder ?? UNSIGNED },
  covers: (outer, inner) => inner === outer,
});

export const holderCheck = (thumbprint: string): Check =>
  check(query([fact(NAME, text(thumbprint))]));

export const holderTexts: ConditionTexts<string> = {
  spec: {
    value: "the thumbprint of an Ed25519 key (RFC 7638), 43 characters of base64url",
    denies: "the request is not signed by that key, or the verifier does not read signatures",
  },
  fields: {
    holder: {
      example: '"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"',
      flag: {
        name: "holder",
        value: "THUMBPRINT",
        help: "the only key whose signed requests may use the credential",
        read: typedText,
      },
    },
  },
  words: (thumbprint) => [`only with requests signed by the key ${thumbprint}`],
};
