/** The built-in modules of Node, for code that also loads where there are none. */

/** A built-in module of Node. @throws TypeError on a runtime without those */
export function builtin<Module>(name: string): Module {
  const module = globalThis.process?.getBuiltinModule?.(name);
  if (module === undefined)
    throw new TypeError(
      `This needs a runtime with Node's built-in modules (${name}); this one has none.`,
    );
  return module as Module;
}
