/** Whose turn it is, over every `await`: an `AsyncLocalStorage`, made where it is first needed. */
import type { AsyncLocalStorage } from "node:async_hooks";

/** A value that goes along with what runs. Two of them know nothing of each other. */
export interface Following<Value> {
  run<Result>(value: Value, act: () => Result): Result;
  /** Undefined outside of `run`. */
  get(): Value | undefined;
}

export function following<Value>(): Following<Value> {
  let storage: AsyncLocalStorage<Value> | undefined;
  return {
    run(value, act) {
      const hooks = globalThis.process?.getBuiltinModule?.("node:async_hooks");
      if (hooks === undefined)
        throw new TypeError(
          "handle.run needs a runtime with AsyncLocalStorage; in this one, pass handle.fetch to your tools",
        );
      storage ??= new hooks.AsyncLocalStorage<Value>();
      return storage.run(value, act);
    },
    get: () => storage?.getStore(),
  };
}

const handle = following<unknown>();

export const runWith = handle.run;

/** Undefined outside of `runWith`. */
export const running = handle.get;
