/** The table of conditions. A scope compiles, and a challenge lists them, in this order. */
import type { AnyCondition, Family } from "../condition.ts";
import type { Field } from "../field.ts";
import { isServiceName } from "../service-name.ts";
import { agent } from "./agent.ts";
import { budgets } from "./budget.ts";
import { capabilities } from "./capabilities.ts";
import { endpoints } from "./endpoints.ts";
import { holder } from "./holder.ts";
import { ledger } from "./ledger.ts";
import { maxDepth } from "./max-depth.ts";
import { maxPrices } from "./max-price.ts";
import { uses } from "./max-uses.ts";
import { models } from "./models.ts";
import { payees } from "./payees.ts";
import { preimage } from "./preimage.ts";
import { purpose } from "./purpose.ts";
import { services } from "./services.ts";
import { soldPrice } from "./sold-price.ts";
import { validFrom } from "./valid-from.ts";
import { serviceValidUntil, validUntil } from "./valid-until.ts";

// The node comes first, because the caveats that follow belong to it. An end comes before the
// limits, because a ledger may forget a limit after the end that precedes it.
const ROWS = [
  agent,
  purpose,
  endpoints,
  services,
  capabilities,
  models,
  validFrom,
  validUntil,
  serviceValidUntil,
  holder,
  ledger,
  ...budgets,
  ...maxPrices,
  soldPrice,
  ...uses,
  payees,
  maxDepth,
  preimage,
] as readonly unknown[] as readonly (AnyCondition | Family)[];

const isFamily = (row: AnyCondition | Family): row is Family => "suffix" in row;

export const TABLE: readonly (AnyCondition | Family)[] = ROWS;
export const CONDITIONS: readonly AnyCondition[] = ROWS.filter(
  (row) => !isFamily(row),
) as AnyCondition[];
const FAMILIES: readonly Family[] = ROWS.filter(isFamily);

/** The condition of a family that this name belongs to. */
export function familyCondition(name: string): AnyCondition | undefined {
  for (const { suffix, of } of FAMILIES) {
    const service = name.endsWith(suffix) ? name.slice(0, -suffix.length) : "";
    if (isServiceName(service)) return of(service, name);
  }
  return undefined;
}

const BY_NAME = new Map(CONDITIONS.map((row) => [row.name, row]));

/** The condition of this name; undefined for a name that is not in the table. */
export const conditionNamed = (name: string): AnyCondition | undefined =>
  BY_NAME.get(name) ?? familyCondition(name);

/** Every field of a scope, in the order in which it compiles. */
export const FIELDS: readonly Field[] = ROWS.flatMap(({ fields }) => fields);
