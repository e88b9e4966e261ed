/** The price file that comes with the program. */
import { readFileSync } from "node:fs";

/** Where it is, in the package and in its source alike. */
export const PINNED_PRICES = new URL("../../../prices.yaml", import.meta.url);

/** Its text, for `PriceTable.read`. */
export const pinnedPrices = (): string => readFileSync(PINNED_PRICES, "utf8");
