/** The store of a gateway: as it is, but for its ledger, which is steady. */
import type { Store } from "l8nt/ports";
import { SteadyLedger, type SteadyOptions } from "./steady-ledger.ts";

export function steadyStore(store: Store, options: SteadyOptions): Store {
  const ledger = new SteadyLedger(store, options);
  const own: Readonly<Record<string, unknown>> = {
    reserve: ledger.reserve.bind(ledger),
    commit: ledger.commit.bind(ledger),
    release: ledger.release.bind(ledger),
    usage: ledger.usage.bind(ledger),
    async close() {
      await ledger.close();
      await store.close();
    },
  };
  return new Proxy(store, {
    get(target, name) {
      if (typeof name === "string" && Object.hasOwn(own, name)) return own[name];
      const value: unknown = Reflect.get(target, name, target);
      // Its methods have private fields of the store itself.
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
