/** The routes of a paywall that are open, as discovery lists them. spec/3-challenge.md §6. */
import { type Amount, parseAmount } from "../amount.ts";
import type { TypeOf } from "../wire/codec.ts";
import type { serviceDiscovery } from "../wire/discovery.ts";
import { type FreeQuota, wholeQuota } from "./free-quota.ts";
import type { Grants, Terms } from "./terms.ts";

type Discovery = TypeOf<NonNullable<typeof serviceDiscovery.answer>>;
export type RouteDescription = Discovery["routes"][number];

/** An open route in the list, once for each path that is known of it. */
export interface Listing {
  /**
   * Tells where the route stands; undefined for a place whose path is not known. Ignored if its
   * terms say so themselves.
   */
  at(path: string | undefined): void;
  remove(): void;
}

/**
 * Counts the open routes by what they offer, and where. Routes with equal terms at the same path
 * are listed once, so that what is kept does not grow with routes that are opened again for each
 * request or each reload.
 */
export class OpenRoutes {
  readonly #open = new Map<string, { readonly description: RouteDescription; count: number }>();

  /** Lists a route: without a path, until its terms or `at` name one. */
  add(terms: Terms): Listing {
    const offer = describe(terms);
    const count = (path: string | undefined): (() => void) =>
      this.#count({ ...(path !== undefined && { path }), ...offer });
    const listed = new Map([[terms.path, count(terms.path)]]);
    let isSettled = terms.path !== undefined;
    let isPlaced = false;
    const clear = (): void => {
      for (const remove of listed.values()) remove();
      listed.clear();
    };
    return {
      at: (path) => {
        if (isSettled) return;
        if (!isPlaced) clear();
        isPlaced = true;
        if (!listed.has(path)) listed.set(path, count(path));
      },
      remove: () => {
        isSettled = true;
        clear();
      },
    };
  }

  /** Returns a function that takes it out of the list again. */
  #count(description: RouteDescription): () => void {
    const key = JSON.stringify(description);
    const entry = this.#open.get(key) ?? { description, count: 0 };
    entry.count++;
    this.#open.set(key, entry);
    return () => {
      entry.count--;
      if (entry.count === 0) this.#open.delete(key);
    };
  }

  /** Whether a request at some open route may cost more than `price`, or in another unit. */
  hasDearer({ unit, value }: Amount): boolean {
    return this.descriptions.some(({ price }) => {
      if (price === null) return false;
      const amount = parseAmount(price);
      return amount === undefined || amount.unit !== unit || amount.value > value;
    });
  }

  get descriptions(): readonly RouteDescription[] {
    return [...this.#open.values()].map(({ description }) => description);
  }
}

function describe({ price, grants, capability, free }: Terms): Omit<RouteDescription, "path"> {
  return {
    price:
      price === undefined ? null : typeof price === "function" ? "depends on the request" : price,
    grants: grantsOf(grants),
    ...(capability !== undefined && { capability }),
    ...(free !== undefined && { free: freeOf(free) }),
  };
}

const freeOf = (quota: FreeQuota): NonNullable<RouteDescription["free"]> => {
  const { requests, per, by } = wholeQuota(quota);
  return { requests, per, by };
};

/** Written in one order, whatever the order in the terms: equal grants have equal texts. */
function grantsOf(grants: Grants = {}): RouteDescription["grants"] {
  const { uses, usesPerMinute, usesPerHour, usesPerDay, budget, validFor, endpoints } = grants;
  return {
    ...(uses !== undefined && { uses }),
    ...(usesPerMinute !== undefined && { usesPerMinute }),
    ...(usesPerHour !== undefined && { usesPerHour }),
    ...(usesPerDay !== undefined && { usesPerDay }),
    ...(budget !== undefined && { budget }),
    ...(validFor !== undefined && { validFor }),
    ...(endpoints !== undefined && { endpoints }),
  };
}
