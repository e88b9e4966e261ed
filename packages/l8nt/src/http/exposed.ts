/**
 * The fields of a response that a page of another origin may read: without
 * `Access-Control-Expose-Headers` it reads none of ours, also where the service allows its origin.
 */

export const EXPOSE_FIELD = "access-control-expose-headers";

/** Names as they are listed. Other fields of ours are readable by any page. */
const NAMES: ReadonlyMap<string, string> = new Map(
  ["WWW-Authenticate", "Date", "Retry-After", "Sigil-Use", "Grpc-Status", "Grpc-Message"].map(
    (name) => [name.toLowerCase(), name],
  ),
);

type Field = readonly [name: string, value: string];

/** The field that lists those of `fields` that a page has to be allowed to read; none if none. */
export function exposed(fields: readonly Field[]): readonly Field[] {
  const names = new Set(fields.flatMap(([name]) => NAMES.get(name) ?? []));
  return names.size === 0 ? [] : [[EXPOSE_FIELD, [...names].join(", ")]];
}

/** Fields that hold a list, to which what other middleware has set before belongs. */
export const LIST_FIELDS = [EXPOSE_FIELD, "vary"] as const;

/** The list with what other middleware has listed before. */
export const withListed = (before: unknown, list: string): string =>
  [before, list]
    .flat()
    .filter((one) => typeof one === "string" && one !== "")
    .join(", ");
