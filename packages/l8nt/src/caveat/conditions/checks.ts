/**
 * The table of the checks that conditions have in the public-key form. A page that uses macaroons
 * does not load it. spec/9-public-key.md §3.
 */
import { Lru } from "../../internal/lru.ts";
import type { AnyCondition, Family } from "../condition.ts";
import { type Check, check, fact, query, text } from "../datalog.ts";
import { agent } from "./agent.ts";
import { capabilities, capabilitiesCheck } from "./capabilities.ts";
import { endpoints, endpointsCheck } from "./endpoints.ts";
import { holder, holderCheck } from "./holder.ts";
import { ledger, ledgerCheck } from "./ledger.ts";
import { maxPriceCheck, maxPrices } from "./max-price.ts";
import { models, modelsCheck } from "./models.ts";
import { purpose } from "./purpose.ts";
import { services, servicesCheck } from "./services.ts";
import { soldPrice, soldPriceCheck } from "./sold-price.ts";
import { conditionNamed, TABLE } from "./table.ts";
import { validFrom, validFromCheck } from "./valid-from.ts";
import {
  serviceValidUntil,
  serviceValidUntilCheck,
  validUntil,
  validUntilCheck,
} from "./valid-until.ts";

type Written = (value: never, condition: AnyCondition) => Check | null;

/** A condition that never denies has no check. */
const none = (): null => null;

const CHECKS = new Map<unknown, Written>([
  [agent, none],
  [purpose, none],
  [endpoints, endpointsCheck],
  [services, servicesCheck],
  [capabilities, capabilitiesCheck],
  [models, modelsCheck],
  [validFrom, validFromCheck],
  [validUntil, validUntilCheck],
  [serviceValidUntil, serviceValidUntilCheck],
  [holder, holderCheck],
  [ledger, ledgerCheck],
  ...maxPrices.map((row) => [row, maxPriceCheck] as const),
  [soldPrice, soldPriceCheck],
]);

const INTEGERS_END = 2n ** 63n;

/** Asks the verifier itself: of limits that are counted, and of what others may not know. */
const counted = (caveat: string): Check => check(query([fact("counted", text(caveat))]));

/**
 * Whether a caveat has no check of its own, because it is unknown, unreadable or counted: the
 * verifier says by the fact `counted` that it holds.
 */
export const isCounted = (caveat: string): boolean => own(caveat) === undefined;

/** Many credentials have the same caveats, and the check of a text never changes. */
const CHECKS_KEPT = 512;
const kept = new Lru<string, Check | null>(CHECKS_KEPT);

/** The check of a caveat; null if the caveat denies nothing. */
export function checkOf(caveat: string): Check | null {
  const known = kept.get(caveat);
  if (known !== undefined) return known;
  const written = own(caveat);
  const check = written === undefined ? counted(caveat) : written;
  kept.set(caveat, check);
  return check;
}

function own(caveat: string): Check | null | undefined {
  const at = caveat.indexOf("=");
  const condition = at > 0 ? conditionNamed(caveat.slice(0, at)) : undefined;
  const value = condition?.parse(caveat.slice(at + 1));
  if (condition === undefined || value === undefined) return undefined;
  const row = TABLE.find((one: AnyCondition | Family) =>
    "suffix" in one ? condition.name.endsWith(one.suffix) : one === condition,
  );
  const written = CHECKS.get(row)?.(value, condition);
  // Biscuit's integers have a sign, so the greatest numbers of spec page 2 are not among them.
  return written && integersOf(written).some((one) => one >= INTEGERS_END) ? undefined : written;
}

const integersOf = ({ queries }: Check): readonly bigint[] =>
  queries.flatMap(({ expressions }) =>
    expressions.flat().flatMap((step) => (step.kind === "integer" ? [step.value] : [])),
  );
