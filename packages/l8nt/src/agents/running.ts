/** Whose turn it is, over every `await`: one `AsyncLocalStorage`, made where it is first needed. */
import type { AsyncLocalStorage } from "node:async_hooks";

let storage: AsyncLocalStorage<unknown> | undefined;

function opened(): AsyncLocalStorage<unknown> {
  const hooks = globalThis.process?.getBuiltinModule?.("node:async_hooks");
  if (hooks === undefined)
    throw new TypeError(
      "handle.run needs a runtime with AsyncLocalStorage; in this one, pass handle.fetch to your tools",
    );
  storage ??= new hooks.AsyncLocalStorage();
  return storage;
}

export const runWith = <Result>(whose: unknown, act: () => Result): Result => opened().run(whose, act);

/** Undefined outside of `runWith`. */
export const running = (): unknown => storage?.getStore();
