/**
 * How many connections the process may have, from the number of files that it may open, so that
 * agents leave some for the owner, the books and the wallet.
 */

/** What stays free: the owner's socket, the books, the wallet, name look-ups, reports. */
const RESERVED = 64;
/** Without a limit, as many as Node serves well. */
const MOST = 10_000;

export interface ConnectionBounds {
  /** Of agents and followers of the feed. */
  readonly incoming: number;
  /** Orders under way. Each has a connection of its agent, and one to a service. */
  readonly orders: number;
}

/** @param descriptors `ulimit -n`; undefined if there is no limit, or it cannot be read */
export function connectionBounds(descriptors: number | undefined): ConnectionBounds {
  const free = (descriptors ?? Number.POSITIVE_INFINITY) - RESERVED;
  const part = (share: number, most: number) =>
    Math.max(4, Math.min(most, Math.floor(free * share)));
  return { incoming: part(1 / 2, MOST), orders: part(1 / 4, MOST) };
}

/** `ulimit -n`, which Node itself has raised as far as it may. */
export function openFilesLimit(): number | undefined {
  const { report } = process;
  // Otherwise it looks up the names of the machine's addresses.
  Object.assign(report, { excludeNetwork: true });
  const { userLimits } = report.getReport() as unknown as {
    readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } };
  };
  const soft = Number(userLimits?.open_files?.soft);
  return Number.isSafeInteger(soft) && soft > 0 ? soft : undefined;
}
