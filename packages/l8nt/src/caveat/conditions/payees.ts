/** `payees`: the only nodes that may be paid. */
import { type ConditionTexts, caveatOf, condition } from "../condition.ts";
import { field, readList, writeList } from "../field.ts";
import { typedList } from "../flag.ts";

const NAME = "payees";
const NODE = /^0[23][0-9a-f]{64}$/;

const ENTRY = {
  read: (text: string) => (NODE.test(text) ? text : undefined),
  form: "public keys of nodes, 66 hex digits in lower case",
};

export const payees = condition<readonly string[]>({
  name: NAME,
  // A service does not see the invoices that others pay.
  judgedBy: "treasury",
  handOver: "dropped",
  fields: [
    field("payees", (nodes, { what }) => [
      caveatOf({ name: NAME }, writeList(nodes, { what }, ENTRY).join(",")),
    ]),
  ],
  code: "ERR_PAYEE",
  parse: (text) => readList(text, NODE),
  prohibits: (nodes, { payee }) =>
    payee === undefined || nodes.includes(payee)
      ? undefined
      : {
          have: nodes.length === 0 ? "no payee at all" : nodes.join(", "),
          need: payee,
        },
  covers: (outer, inner) => inner.every((node) => outer.includes(node)),
});

export const payeesTexts: ConditionTexts<readonly string[]> = {
  spec: {
    value: "node public keys joined by `,`: each `0[23]` and 64 lower-case hex digits",
    denies: "the invoice pays another node",
  },
  fields: {
    payees: {
      example: '["02…", "03…"]',
      flag: {
        name: "payee",
        value: "KEY",
        help: "the only nodes that may be paid: hex public keys",
        repeatable: true,
        read: typedList,
      },
    },
  },
  words: (nodes) =>
    nodes.length === 0 ? ["pays nobody"] : nodes.map((node) => `pays only ${node}`),
};
