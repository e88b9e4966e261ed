/** Options are checked by name: a misspelt limit would otherwise be no limit. [case 97] */

/** @throws TypeError */
export function checkKeys(options: object, known: readonly string[], what: string): void {
  for (const key of Object.keys(options))
    if (!known.includes(key))
      throw new TypeError(`${what} has no "${key}"; it has ${known.join(", ")}`);
}
