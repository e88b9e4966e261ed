/** Versions of tools, such as `1.24.9`. */

/** Whether a version is this one or a later one. */
export function isEnough(version: string, needed: string): boolean {
  const [have, need] = [version, needed].map((text) => text.split(".").map(Number));
  for (const [at, part] of need!.entries()) {
    const own = have![at] ?? 0;
    if (own !== part) return own > part;
  }
  return true;
}
