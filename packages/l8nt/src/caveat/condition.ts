/**
 * The interface of a condition: one object that holds every fact that decides, and one with what
 * people are told of it. spec/2-caveats.md §2.
 */
import type { Unit } from "../amount.ts";
import type { BudgetCode, DenialCode } from "../errors.ts";
import type { Access } from "./access.ts";
import type { Field } from "./field.ts";
import type { ScopeFlag } from "./flag.ts";
import type { Scope } from "./scope.ts";
import type { Origin } from "./target.ts";

export interface Denial {
  readonly code: DenialCode | BudgetCode;
  readonly have: string;
  readonly need: string;
}

/** Facts of the chain around one caveat, which some conditions need. */
export interface Place {
  /** Hex; from the identifier, never from a caveat. */
  readonly paymentHash: string;
  /** How many caveats that open a node follow this one. */
  readonly agentsAfter: number;
}

/** What a counted limit counts: amounts of one unit, or requests. */
export type Counting =
  | { readonly kind: "spend"; readonly unit: Unit }
  | { readonly kind: "uses"; readonly unit?: undefined };

export type LimitTerms = Counting & {
  readonly max: bigint;
  /** Undefined counts over the whole life of the credential. */
  readonly windowSeconds?: number;
};

/**
 * Who knows enough to judge a condition. A service denies a condition of the treasury as unknown. A
 * condition of the service is denied by every authority that is no service, and a holder cannot
 * foretell the verdict.
 */
export type JudgedBy = "service" | "treasury" | "both";

/** The origin and the end of a hand-over. */
export interface HandOverTerms {
  readonly origin: Origin;
  /** Unix seconds; the treasury's own end for a hand-over. */
  readonly until: number;
}

/**
 * What becomes of an agent's caveats if the treasury hands the agent a credential of the service.
 * spec/4-purchase.md §5.
 *
 * `"dropped"`: the treasury judged them before it paid. `"relay"`: neither can judge them for the
 * other, so nothing is handed over. A function: returns the values that the service must enforce,
 * from the values of all caveats of this condition.
 */
export type HandOver<Value> =
  | "dropped"
  | "relay"
  | ((values: readonly Value[], terms: HandOverTerms) => readonly string[]);

/** The bounds that every minted credential needs; `"spend"` only if it can pay. */
export type Bound = "place" | "time" | "spend";

/** The condition's row in the table of spec/2-caveats.md §2. */
export interface SpecRow {
  readonly value: string;
  readonly denies: string;
}

/** What the documentation and the command line say of a key of a scope. */
export interface FieldTexts {
  /** An example of a value. */
  readonly example: string;
  readonly flag?: ScopeFlag;
}

/**
 * What people are told of a condition: by the documentation, the command line and a caveat in
 * words. An object beside the condition, so that a page that loads conditions does not load it.
 */
export interface ConditionTexts<Value> {
  readonly spec: SpecRow;
  /** One for each field of the condition. */
  readonly fields?: Partial<Record<keyof Scope, FieldTexts>>;
  /** What a value allows, in lines for people. `now` is in Unix seconds. */
  words(value: Value, now: number, condition: AnyCondition): readonly string[];
}

/** Every fact about one condition, whose values are read as `Value`. */
export interface Condition<Value> {
  readonly name: string;
  readonly judgedBy: JudgedBy;
  readonly handOver: HandOver<Value>;
  /** The unit of the amounts that it limits. */
  readonly unit?: Unit;
  readonly bound?: Bound;
  /** The code of its denials, and of those of its limit; undefined if it never denies. */
  readonly code?: Denial["code"];
  /** Its value is never shown, logged or stored in words. */
  readonly isSecret?: true;
  /** The keys of a scope that it is written from. */
  readonly fields: readonly Field[];

  /** Returns undefined for a text that is not of this condition's form, which denies. */
  parse(text: string): Value | undefined;
  /** The reason against this access, if there is one. Judged on every request; knows no state. */
  prohibits?(value: Value, access: Access, place: Place): Omit<Denial, "code"> | undefined;
  /** The limit that the ledger counts, under the id of this place in the chain. */
  limit?(value: Value): LimitTerms;
  /** The name of the agent whose node it opens. */
  opens?(value: Value): string;
  /** Unix seconds after which the credential allows nothing. */
  ends?(value: Value): number;
  /** The services that it is for. */
  servicesOf?(value: Value): readonly string[];
  /** Unix seconds after which the credential allows nothing at one service. */
  endsAt?(value: Value): { readonly service: string; readonly until: number };
  /**
   * Whether `outer` allows everything that `inner` allows. Without it, no scope is refused as wider
   * for this condition.
   */
  covers?(outer: Value, inner: Value): boolean;
  /** Whether one request can satisfy both. Without it, any two may. */
  meets?(one: Value, other: Value): boolean;
  /** Whether it allows one method at one path only; with GET also HEAD. */
  isOneEndpoint?(value: Value): boolean;
}

/** Conditions that share a suffix; each is named after a service. */
export interface Family {
  readonly suffix: string;
  of(service: string, name: string): AnyCondition;
  /** The facts of the condition for any service, whose name does not matter to them. */
  readonly fields: readonly Field[];
}

/** A condition with any type of value, as the table lists it. */
export type AnyCondition = Condition<never>;

/** Infers the type of a condition's value. */
export const condition = <Value>(facts: Condition<Value>): Condition<Value> => facts;

/** The text of a caveat. */
export const caveatOf = ({ name }: { readonly name: string }, value: string | bigint | number) =>
  `${name}=${value}`;

/** The value of a caveat of this condition; undefined for a caveat of another one. */
export const valueIn = ({ name }: { readonly name: string }, caveat: string): string | undefined =>
  caveat.startsWith(`${name}=`) ? caveat.slice(name.length + 1) : undefined;
