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
  const inside: Following<Value> = {
    run(value, act) {
      const hooks = globalThis.process?.getBuiltinModule?.("node:async_hooks");
      if (hooks === undefined)
        throw new TypeError(
          "handle.run needs a runtime with AsyncLocalStorage; in this one, pass handle.fetch to your tools",
        );
      storage ??= new hooks.AsyncLocalStorage<Value>();
      return generating(storage.run(value, act), (step) => inside.run(value, step));
    },
    get: () => storage?.getStore(),
  };
  return inside;
}

/**
 * A generator's body runs where it is asked for more, which may be in somebody else's turn: each of
 * its steps is brought back.
 */
function generating<Result>(result: Result, within: (step: () => unknown) => unknown): Result {
  if (!/^\[object (?:Async)?Generator\]$/.test(Object.prototype.toString.call(result)))
    return result;
  const generator = result as Record<string, (...sent: unknown[]) => unknown>;
  for (const name of ["next", "return", "throw"]) {
    const step = generator[name]!;
    generator[name] = (...sent) => within(() => step.apply(generator, sent));
  }
  return result;
}

const handle = following<unknown>();

export const runWith = handle.run;

/** Undefined outside of `runWith`. */
export const running = handle.get;
