/** `max_price_msat` and `payees`: how much at once, and to whom. */
import { formatMsat } from "../amount.ts";
import type { Condition } from "./condition.ts";
import { readInteger } from "./integer.ts";

export const maxPrice: Condition<bigint> = {
  name: "max_price_msat",
  parse: readInteger,
  prohibits: (max, { priceMsat }) =>
    priceMsat === undefined || priceMsat <= max
      ? undefined
      : {
          code: "ERR_PRICE",
          have: `at most ${formatMsat(max)} at once`,
          need: formatMsat(priceMsat),
        },
};

const NODE = /^0[23][0-9a-f]{64}$/;

export const payees: Condition<readonly string[]> = {
  name: "payees",
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
};
