/** Whether a field may be added to a request that the caller made. spec/4-purchase.md §2. */

/**
 * A page may send to another origin only the fields that this origin lists, and few list more than
 * `Authorization`: one field more, and the browser sends nothing.
 */
export function mayAddField({ origin }: URL): boolean {
  const isPage = "document" in globalThis || "importScripts" in globalThis;
  return !isPage || origin === globalThis.location?.origin;
}
