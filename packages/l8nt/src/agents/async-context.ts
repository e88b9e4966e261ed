/** A value carried across awaits: an `AsyncLocalStorage`, created when it is first needed. */
import type { AsyncLocalStorage } from "node:async_hooks";

/** Each context is independent of every other. */
export interface AsyncContext<Value> {
  /** Calls `act` with `value` as the current value, across its awaits and a generator's steps. */
  run<Result>(value: Value, act: () => Result): Result;
  /** The current value; undefined outside of `run`. */
  get(): Value | undefined;
}

/** Creates a context. Its `run` throws a TypeError on a runtime without `AsyncLocalStorage`. */
export function asyncContext<Value>(): AsyncContext<Value> {
  let storage: AsyncLocalStorage<Value> | undefined;
  const context: AsyncContext<Value> = {
    run(value, act) {
      const hooks = globalThis.process?.getBuiltinModule?.("node:async_hooks");
      if (hooks === undefined)
        throw new TypeError(
          "handle.run needs a runtime with AsyncLocalStorage. On this runtime, pass handle.fetch to your tools instead.",
        );
      storage ??= new hooks.AsyncLocalStorage<Value>();
      return bindGenerator(storage.run(value, act), (step) => context.run(value, step));
    },
    get: () => storage?.getStore(),
  };
  return context;
}

/**
 * A generator's body runs in the context of the code that calls `next`, which may belong to another
 * agent. Each step is therefore run in the context in which the generator was created.
 */
function bindGenerator<Result>(result: Result, within: (step: () => unknown) => unknown): Result {
  if (!/^\[object (?:Async)?Generator\]$/.test(Object.prototype.toString.call(result)))
    return result;
  const generator = result as Record<string, (...sent: unknown[]) => unknown>;
  for (const name of ["next", "return", "throw"]) {
    const step = generator[name]!;
    generator[name] = (...sent) => within(() => step.apply(generator, sent));
  }
  return result;
}
