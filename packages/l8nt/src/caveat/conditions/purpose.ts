/** `purpose`: a text for people and for the audit. */
import { caveatOf, condition } from "../condition.ts";
import { field, textFlag } from "../field.ts";

const NAME = "purpose";

export const purpose = condition<string>({
  name: NAME,
  judgedBy: "both",
  handOver: "dropped",
  fields: [
    field("purpose", {
      example: '"book flights"',
      flag: textFlag("purpose", "TEXT", "for people and for the audit"),
      write(text, { what }) {
        if (typeof text !== "string") throw new TypeError(`${what} must be a text`);
        return [caveatOf({ name: NAME }, text)];
      },
    }),
  ],
  spec: { value: "any text", denies: "never" },
  parse: (text) => text,
  words: (text) => [`for: ${text}`],
});
