/** `purpose`: a text for people and for the audit. */
import { type ConditionTexts, caveatOf, condition } from "../condition.ts";
import { field } from "../field.ts";
import { typedText } from "../flag.ts";

const NAME = "purpose";

export const purpose = condition<string>({
  name: NAME,
  judgedBy: "both",
  handOver: "dropped",
  fields: [
    field("purpose", (text, { what }) => {
      if (typeof text !== "string") throw new TypeError(`${what} must be a text`);
      return [caveatOf({ name: NAME }, text)];
    }),
  ],
  parse: (text) => text,
});

export const purposeTexts: ConditionTexts<string> = {
  spec: { value: "any text", denies: "never" },
  fields: {
    purpose: {
      example: '"book flights"',
      flag: {
        name: "purpose",
        value: "TEXT",
        help: "for people and for the audit",
        read: typedText,
      },
    },
  },
  words: (text) => [`for: ${text}`],
};
