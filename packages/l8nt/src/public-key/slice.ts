/** Cuts what a credential may spend into parts for several holders. spec/9-public-key.md §7. */
import { formatAmount, unitName } from "../amount.ts";
import type { ChainLimit } from "../caveat/chain.ts";
import { CaveatChain, compileScope, ledger, type Scope } from "../caveat/index.ts";
import { capsOfOtherUnits } from "../caveat/minted-scope.ts";
import { treasuryVocabulary } from "../caveat/vocabulary.ts";
import { windowWords } from "../caveat/window.ts";
import type { Credential } from "../credential/credential.ts";
import { denied, type Refusal } from "../errors.ts";
import { binaryOfUtf8 } from "../internal/bytes.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { systemClock } from "../ports/clock.ts";
import { BiscuitBody } from "./body.ts";
import { uncountedLimits } from "./uncounted.ts";

/** The keys of a scope that limit what is spent and used. */
export type Limits = Pick<
  Scope,
  | "budget"
  | "budgetPerHour"
  | "budgetPerDay"
  | "budgetPerMonth"
  | "maxUses"
  | "maxUsesPerMinute"
  | "maxUsesPerHour"
  | "maxUsesPerDay"
>;

export interface SliceOptions {
  /**
   * The most that all slices together may spend and use, beside what the credential itself limits.
   *
   * @default the limits of the credential alone
   */
  readonly total?: Limits;
  /**
   * Unix seconds that `expiresIn` counts from.
   *
   * @default the system's clock
   */
  readonly now?: number;
}

const OPTIONS = { total: true, now: true } satisfies Keys<SliceOptions>;
const LIMITS = {
  budget: true,
  budgetPerHour: true,
  budgetPerDay: true,
  budgetPerMonth: true,
  maxUses: true,
  maxUsesPerMinute: true,
  maxUsesPerHour: true,
  maxUsesPerDay: true,
} satisfies Keys<Limits>;

const VOCABULARY = treasuryVocabulary();

type Limit = Pick<ChainLimit, "kind" | "unit" | "max" | "windowSeconds" | "condition">;

interface Slice {
  /** In messages. */
  readonly name: string;
  readonly credential: Credential;
  /** Its own, without those of what it is cut from. */
  readonly limits: readonly ChainLimit[];
}

/**
 * One weaker credential for each of `scopes`, whose limits together are at most those of
 * `credential`, so no slice can spend what another was given. Works offline, for both forms.
 *
 * Every slice has a part of each limit that is held. A slice spends in the units of its part alone.
 * Slices that were cut from the same credential before, here or elsewhere, are not known.
 *
 * @throws TypeError for a scope that cannot be read, and for slices that would share one counter
 * @throws DeniedError `ERR_SCOPE_WIDER` for slices that are larger than what is held, or have no
 * part of a limit; `ERR_LEDGER`, `ERR_BUDGET`, `ERR_USES` for one that every service would refuse
 * @throws TokenError `ERR_TOKEN_SEALED`, `ERR_TOKEN_TOO_LARGE`
 * @example
 * const [weather, maps] = slice(credential, [
 *   { ledger: "https://weather.example", budget: "300 sat" },
 *   { ledger: "https://maps.example", budget: "200 sat" },
 * ], { total: { budget: "500 sat" } });
 */
export function slice(
  credential: Credential,
  scopes: readonly Scope[],
  options: SliceOptions = {},
): readonly Credential[] {
  checkKeys(options, OPTIONS, "slice");
  const { total = {}, now = systemClock() } = options;
  checkKeys(total, LIMITS, "the total of slices");
  if (!Array.isArray(scopes) || scopes.length === 0)
    throw new TypeError("slice needs a list of scopes, one for each slice");
  demandNone(refusedEverywhere(credential, "the credential"));
  const slices = scopes.map((scope, at) => cut(credential, scope, `slice ${at + 1}`, now));
  demandNone(slices.flatMap((one) => refusedEverywhere(one.credential, one.name)));
  const held = smallest([...credential.chain.limits, ...limitsOf(compileScope(total, { now }))]);
  demandNone([
    ...slices.flatMap((one) => otherUnits(one, held)),
    ...held.flatMap((limit) => tooMuch(limit, slices)),
  ]);
  demandOwnCounters(slices, credential.body.caveats.length);
  return slices.map((one) => one.credential);
}

function cut(credential: Credential, scope: Scope, name: string, now: number): Slice {
  let caveats: readonly string[];
  try {
    caveats = compileScope(scope, { now });
  } catch (error) {
    throw new TypeError(`${name}: ${(error as Error).message}`, { cause: error });
  }
  const held = new Set(credential.chain.texts.map((one) => `${one.condition}=${one.value}`));
  const caps = capsOfOtherUnits(scope).filter((cap) => !held.has(cap));
  return {
    name,
    credential: credential.append([...caveats, ...caps]),
    limits: limitsOf(caveats),
  };
}

const limitsOf = (caveats: readonly string[]): readonly ChainLimit[] =>
  new CaveatChain({
    caveats: caveats.map(binaryOfUtf8),
    vocabulary: VOCABULARY,
    paymentHash: "",
  }).limits;

/** The smallest limit of each kind, unit and window. */
const smallest = (limits: readonly Limit[]): readonly Limit[] =>
  limits.filter(
    (one, at) =>
      !limits.some(
        (other, before) =>
          other.condition === one.condition &&
          (other.max < one.max || (other.max === one.max && before < at)),
      ),
  );

/** Why no service takes it, whatever it is asked for. */
function refusedEverywhere({ body, chain }: Credential, name: string): readonly Refusal[] {
  const ledgers = [...new Set(chain.valuesOf(ledger))];
  if (ledgers.length > 1)
    return [
      {
        code: "ERR_LEDGER",
        condition: ledger.name,
        have: ledgers[0]!,
        need: `${ledgers.slice(1).join(", ")} in ${name}; no limit moves to another service`,
      },
    ];
  if (!(body instanceof BiscuitBody)) return [];
  return uncountedLimits(body, chain, VOCABULARY).map((one) => ({
    ...one,
    need: `a \`ledger\` with or above the limit in ${name}, or every service refuses it`,
  }));
}

/** Its budgets in units that nothing is held in, where something is held in another one. */
function otherUnits({ name, limits }: Slice, held: readonly Limit[]): readonly Refusal[] {
  const units = held.flatMap(({ unit }) => unit ?? []);
  return limits
    .filter(({ unit }) => unit !== undefined && units.length > 0 && !units.includes(unit))
    .map((limit) => ({
      code: "ERR_SCOPE_WIDER",
      condition: limit.condition,
      have: `no budget in ${unitName(limit.unit!)}`,
      need: `${count(limit, limit.max)} in ${name}`,
    }));
}

/** What it may at most spend or use within the limit's window; undefined for any number. */
function partOf(limit: Limit, { limits }: Slice): bigint | undefined {
  const parts = limits
    .filter(({ kind, unit }) => kind === limit.kind && unit === limit.unit)
    // Within an hour nobody spends more than within the day that it is in.
    .filter(({ windowSeconds }) => lengthOf(windowSeconds) >= lengthOf(limit.windowSeconds))
    .map(({ max }) => max);
  return parts.length === 0 ? undefined : parts.reduce((a, b) => (b < a ? b : a));
}

const lengthOf = (windowSeconds: number | undefined): number =>
  windowSeconds ?? Number.POSITIVE_INFINITY;

function tooMuch(limit: Limit, slices: readonly Slice[]): readonly Refusal[] {
  const { condition, max, windowSeconds } = limit;
  const have = `${count(limit, max)} ${windowWords(windowSeconds)}`;
  const refusal = (need: string) => ({ code: "ERR_SCOPE_WIDER", condition, have, need }) as const;
  const parts = slices.map((one) => partOf(limit, one));
  const without = slices.filter((_, at) => parts[at] === undefined);
  if (without.length > 0)
    return without.map(({ name }) =>
      refusal(`a part of it in ${name}, for the same or a longer time`),
    );
  const sum = parts.reduce<bigint>((all, part) => all + part!, 0n);
  if (sum <= max) return [];
  const each = slices.map(({ name }, at) => `${count(limit, parts[at]!)} in ${name}`);
  return [refusal(`${count(limit, sum)}: ${each.join(", ")}`)];
}

const count = ({ unit }: Limit, value: bigint): string =>
  unit === undefined ? `${value}` : formatAmount({ unit, value });

/**
 * The counter of a limit is named by the caveats up to it, so slices that begin with the same ones
 * would spend one part.
 *
 * @throws TypeError
 */
function demandOwnCounters(slices: readonly Slice[], above: number): void {
  const begins = new Map<string, string>();
  for (const { name, credential, limits } of slices) {
    if (limits.length === 0) continue;
    const own = credential.chain.texts.slice(above);
    const first = own.findIndex(({ condition }) => condition === limits[0]!.condition);
    const begin = JSON.stringify(own.slice(0, first + 1).map((one) => [one.condition, one.value]));
    const other = begins.get(begin);
    if (other !== undefined)
      throw new TypeError(`${other} and ${name} would share one counter: give each an \`agent\``);
    begins.set(begin, name);
  }
}

function demandNone(refusals: readonly Refusal[]): void {
  const error = denied(refusals);
  if (error !== undefined) throw error;
}
