/**
 * `sold_price`: what a service sold a request for. At most this price, or exactly the request that
 * was priced. spec/2-caveats.md §6.
 */
import { type Amount, formatAmount, UNITS, type Unit } from "../../amount.ts";
import { type ConditionTexts, caveatOf, condition } from "../condition.ts";
import {
  apply,
  type Check,
  check,
  fact,
  integer,
  OWN_AFFAIRS,
  query,
  text,
  variable,
} from "../datalog.ts";
import { readInteger } from "../integer.ts";

const NAME = "sold_price";

interface Sold {
  readonly price: Amount;
  /** Hash of the request that was priced; undefined if it could not be told apart from others. */
  readonly request: string | undefined;
}

const VALUE = /^([0-9]+) ([a-z_]+)(?: ([0-9a-f]{64}))?$/;

function parse(text: string): Sold | undefined {
  const [, amount = "", unit = "", request] = VALUE.exec(text) ?? [];
  const value = readInteger(amount);
  return value !== undefined && isUnit(unit) ? { price: { unit, value }, request } : undefined;
}

const isUnit = (text: string): text is Unit => (UNITS as readonly string[]).includes(text);

export const soldPrice = condition<Sold>({
  name: NAME,
  judgedBy: "service",
  handOver: "relay",
  // A service writes it when it sells. A person caps prices by `maxPrice`.
  fields: [],
  code: "ERR_PRICE",
  parse,
  prohibits: ({ price: sold, request }, { target, price, pricedRequest }) =>
    target === "self" ||
    price === undefined ||
    (price.unit === sold.unit && price.value <= sold.value) ||
    (request !== undefined && request === pricedRequest?.())
      ? undefined
      : {
          have: `a request of at most ${formatAmount(sold)}, or the one that was sold`,
          need: formatAmount(price),
        },
});

/** The caveats of a chain that could be read. */
interface Entries {
  has(condition: { readonly name: string }): boolean;
  readonly entries: readonly {
    readonly condition: { readonly name: string };
    readonly value: unknown;
  }[];
}

/**
 * What a request is counted at: its price, or what it was sold for if it is the very request that
 * was priced and is dearer now.
 *
 * @param request hash of the request; called only if it matters
 */
export function countedPrice(
  chain: Entries,
  price: Amount,
  request: () => string | undefined,
): Amount {
  // Each look at the entries makes them.
  if (!chain.has(soldPrice)) return price;
  let counted = price;
  for (const { condition, value } of chain.entries) {
    if (condition.name !== NAME) continue;
    const sold = value as Sold;
    const isDearer = counted.unit !== sold.price.unit || counted.value > sold.price.value;
    if (isDearer && sold.request !== undefined && sold.request === request()) counted = sold.price;
  }
  return counted;
}

/**
 * The caveat of a sold credential.
 *
 * @param request hash of the request that was priced; undefined if only the price decides
 */
export const soldPriceCaveat = ({ unit, value }: Amount, request: string | undefined): string =>
  caveatOf(soldPrice, [value, unit, ...(request === undefined ? [] : [request])].join(" "));

export const soldPriceCheck = ({ price: { unit, value }, request }: Sold): Check =>
  check(
    query(
      [fact("price", text(unit), variable("p"))],
      ...apply(variable("p"), "<=", integer(value)),
    ),
    ...(request === undefined ? [] : [query([fact("priced_request", text(request))])]),
    query([fact("price", text("none"), integer(0n))]),
    query([OWN_AFFAIRS]),
  );

export const soldPriceTexts: ConditionTexts<Sold> = {
  spec: {
    value: "integer, unit and, if the request has one, its hash, joined by a blank (§6)",
    denies: "the price is greater or in another unit, and the request is not the one of the hash",
  },
  words: ({ price, request }) => [
    `at most ${formatAmount(price)} at once${request === undefined ? "" : ", or the request that was sold at this price"}`,
  ],
};
