/**
 * Which route a request is for, who may use it, and what it costs: by the owner's list, or by that
 * of the preset.
 */
import type { Amount } from "l8nt/invoice";
import type { FreeQuota } from "l8nt/service";
import { matchRoute, type RouteMatch } from "./presets/match.ts";
import type { Preset, PresetRoute } from "./presets/preset.ts";

/**
 * Who may use a route. `free`: anybody. `credential`: who has a credential. `freebie`: each address
 * for a number of requests a day, and then who has a credential. `paid`: who pays for it.
 */
export type Access = "free" | "credential" | "paid" | "freebie";

/** What a request costs: an amount, nothing, or what the preset's meter reads. */
export type Price = Amount | "free" | "meter";

/** A route as its owner writes it. */
export interface Rule {
  /** Undefined: any. */
  readonly methods: readonly string[] | undefined;
  /** As in {@link PresetRoute}. */
  readonly path: string;
  readonly access: Access;
  /** Undefined: as the preset has it. */
  readonly price: Price | undefined;
  /** Undefined: that of the preset's route, or `call` if it has none there. */
  readonly capability: string | undefined;
  /** Whether requests that need no credential get the vendor's key. */
  readonly isKeyed: boolean;
  /** Requests of one address in each day of UTC that need no credential. */
  readonly freePerDay: number | undefined;
}

/** Rules of one path share it. */
export const freeQuotaOf = ({ path, freePerDay = 0 }: Rule): FreeQuota => ({
  requests: freePerDay,
  per: "day",
  name: path,
});

/** `unpriced`: it must have a price, and has none, so it is denied. */
export type Charge =
  | { readonly kind: "free" | "meter" | "unpriced" }
  | { readonly kind: "flat"; readonly price: Amount };

export interface ServedRoute extends RouteMatch {
  readonly rule: Rule;
  /** Of the rule among the owner's; undefined of a preset's route. */
  readonly index: number | undefined;
  readonly charge: Charge;
}

const OF_THE_PRESET: Rule = {
  methods: undefined,
  path: "/**",
  access: "credential",
  price: undefined,
  capability: undefined,
  isKeyed: true,
  freePerDay: undefined,
};

export interface RoutesOptions {
  /** The owner's, of which the first match counts; undefined: those of the preset. */
  readonly rules?: readonly Rule[] | undefined;
  /** Of requests that neither a rule nor a meter has a price for. */
  readonly price?: Exclude<Price, "meter"> | undefined;
}

export class Routes {
  readonly #preset: Pick<Preset, "routes">;
  readonly #price: RoutesOptions["price"];
  readonly #own: readonly (readonly [rule: Rule, own: PresetRoute])[] | undefined;

  constructor(preset: Pick<Preset, "routes">, { rules, price }: RoutesOptions) {
    this.#preset = preset;
    this.#price = price;
    this.#own = rules?.map((rule) => [
      rule,
      {
        method: rule.methods?.join("|") ?? "*",
        path: rule.path,
        capability: rule.capability ?? "call",
        meter: "flat",
      },
    ]);
  }

  /** Undefined for a request that is not listed, which is denied. */
  find(method: string, path: string): ServedRoute | undefined {
    const known = matchRoute(this.#preset, method, path);
    if (this.#own === undefined)
      return (
        known && {
          ...known,
          rule: OF_THE_PRESET,
          index: undefined,
          charge: this.#charge(known),
        }
      );
    for (const [index, [rule, own]] of this.#own.entries()) {
      if (rule.methods?.includes(method) === false) continue;
      const written = matchRoute({ routes: [own] }, own.method, path);
      if (written === undefined) continue;
      const match = known ?? written;
      const { capability } = rule.capability === undefined ? match : written;
      const model = known?.model ?? written.model;
      const charge = this.#charge(match, rule.price);
      return { ...match, capability, model, rule, index, charge };
    }
    return undefined;
  }

  #charge({ route: { meter } }: RouteMatch, price: Price | undefined = "meter"): Charge {
    const known = meter === "flat" ? this.#price : meter === "free" ? meter : undefined;
    const charged = price === "meter" ? known : price;
    if (charged === "free") return { kind: "free" };
    if (charged !== undefined) return { kind: "flat", price: charged };
    return { kind: meter === "flat" ? "unpriced" : "meter" };
  }
}
