/**
 * The table of what people are told of conditions. A page that uses credentials does not load it.
 */
import type { AnyCondition, ConditionTexts, Family, FieldTexts } from "../condition.ts";
import type { Scope } from "../scope.ts";
import { agent, agentTexts } from "./agent.ts";
import { budgets, budgetTexts } from "./budget.ts";
import { capabilities, capabilitiesTexts } from "./capabilities.ts";
import { endpoints, endpointsTexts } from "./endpoints.ts";
import { holder, holderTexts } from "./holder.ts";
import { ledger, ledgerTexts } from "./ledger.ts";
import { maxDepth, maxDepthTexts } from "./max-depth.ts";
import { maxPrices, maxPriceTexts } from "./max-price.ts";
import { maxUsesTexts, uses } from "./max-uses.ts";
import { models, modelsTexts } from "./models.ts";
import { payees, payeesTexts } from "./payees.ts";
import { preimage, preimageTexts } from "./preimage.ts";
import { purpose, purposeTexts } from "./purpose.ts";
import { services, servicesTexts } from "./services.ts";
import { soldPrice, soldPriceTexts } from "./sold-price.ts";
import { TABLE } from "./table.ts";
import { validFrom, validFromTexts } from "./valid-from.ts";
import {
  serviceValidUntil,
  serviceValidUntilTexts,
  validUntil,
  validUntilTexts,
} from "./valid-until.ts";

const TEXTS = new Map<unknown, ConditionTexts<never>>([
  [agent, agentTexts],
  [purpose, purposeTexts],
  [endpoints, endpointsTexts],
  [services, servicesTexts],
  [capabilities, capabilitiesTexts],
  [models, modelsTexts],
  [validFrom, validFromTexts],
  [validUntil, validUntilTexts],
  [serviceValidUntil, serviceValidUntilTexts],
  [holder, holderTexts],
  [ledger, ledgerTexts],
  ...budgets.map((row) => [row, budgetTexts] as const),
  ...maxPrices.map((row) => [row, maxPriceTexts] as const),
  [soldPrice, soldPriceTexts],
  ...uses.map((row) => [row, maxUsesTexts] as const),
  [payees, payeesTexts],
  [maxDepth, maxDepthTexts],
  [preimage, preimageTexts],
]);

/** What people are told of a condition; for one of a family, of each of the family. */
export const textsOf = (condition: AnyCondition): ConditionTexts<never> =>
  TEXTS.get(
    TABLE.find((row) =>
      "suffix" in row ? condition.name.endsWith(row.suffix) : row === condition,
    ),
  )!;

/** A key of a scope with its texts. */
export interface DocumentedField extends FieldTexts {
  readonly key: keyof Scope;
}

export interface Documented {
  readonly row: AnyCondition | Family;
  readonly spec: ConditionTexts<never>["spec"];
  readonly fields: readonly DocumentedField[];
}

/** Each row of the table, in its order. */
export const DOCUMENTED: readonly Documented[] = TABLE.map((row) => {
  const { spec, fields = {} } = TEXTS.get(row)!;
  return { row, spec, fields: row.fields.map(({ key }) => ({ key, ...fields[key]! })) };
});
