/** `payees`: the only nodes that may be paid. */
import { caveatOf, condition } from "../condition.ts";
import { field, listFlag, writeList } from "../field.ts";

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
    field("payees", {
      example: '["02…", "03…"]',
      flag: listFlag("payee", "KEY", "the only nodes that may be paid: hex public keys"),
      write: (nodes, { what }) => [
        caveatOf({ name: NAME }, writeList(nodes, { what }, ENTRY).join(",")),
      ],
    }),
  ],
  spec: {
    value: "node public keys joined by `,`: each `0[23]` and 64 lower-case hex digits",
    denies: "the invoice pays another node",
    code: "ERR_PAYEE",
  },
  parse(text) {
    const nodes = text === "" ? [] : text.split(",");
    return nodes.every((node) => NODE.test(node)) ? nodes : undefined;
  },
  prohibits: (nodes, { payee }) =>
    payee === undefined || nodes.includes(payee)
      ? undefined
      : {
          code: "ERR_PAYEE",
          have: nodes.length === 0 ? "no payee at all" : nodes.join(", "),
          need: payee,
        },
  covers: (outer, inner) => inner.every((node) => outer.includes(node)),
  words: (nodes) =>
    nodes.length === 0 ? ["pays nobody"] : nodes.map((node) => `pays only ${node}`),
});
