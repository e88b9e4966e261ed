/** Which service the path of a request is of. */

/** Whether a path is another one, or below it. One that only begins alike is not. */
export const isBelow = (path: string, parent: string): boolean =>
  path === parent || path.startsWith(`${parent}/`);

/** The one with the longest prefix, so that their order says nothing. */
export function serviceAt<Served extends { readonly prefix: string }>(
  services: readonly Served[],
  path: string,
): Served | undefined {
  let found: Served | undefined;
  for (const service of services) {
    const { prefix } = service;
    if (isBelow(path, prefix) && prefix.length >= (found?.prefix.length ?? 0)) found = service;
  }
  return found;
}
