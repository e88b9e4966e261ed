/** Which service the path of a request is of. */

/** The one with the longest prefix, so that their order says nothing. */
export function serviceAt<Served extends { readonly prefix: string }>(
  services: readonly Served[],
  path: string,
): Served | undefined {
  let found: Served | undefined;
  for (const service of services) {
    const { prefix } = service;
    const isOf = prefix === "" || path === prefix || path.startsWith(`${prefix}/`);
    if (isOf && prefix.length >= (found?.prefix.length ?? 0)) found = service;
  }
  return found;
}
