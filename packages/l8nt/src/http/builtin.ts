/** The built-in modules of Node, for code that also loads where there are none. */

const known = new Map<string, unknown>();

/** A built-in module of Node. @throws TypeError on a runtime without those */
export function builtin<Module>(name: string): Module {
  // Node looks it up anew for each call.
  const module = known.get(name) ?? globalThis.process?.getBuiltinModule?.(name);
  if (module === undefined)
    throw new TypeError(
      `This needs a runtime with Node's built-in modules (${name}); this one has none.`,
    );
  known.set(name, module);
  return module as Module;
}
