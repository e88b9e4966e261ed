/** A line of the log for each request. */
import { hidden, type Logger } from "../treasury/log.ts";
import type { Observer, Row } from "./observer.ts";
import { rememberingUnchanged } from "./unchanged.ts";
import type { Usage } from "./usage.ts";

/** @param log a `plainLogger`: what is secret in texts of requests and answers is hidden here */
export const requestLog = (log: Logger): Observer => ({
  settled: (row) => log.info(rowJson(row), "settled"),
  denied: (row) => log.info(rowJson(row), "denied"),
});

const NAMES = {
  usd_micro: ["reservedUsdMicro", "spentUsdMicro"],
  msat: ["reservedMsat", "spentMsat"],
} as const;

/**
 * An allow-list: a new member of a row is not in the log before somebody has decided who chooses
 * its text. Amounts are texts, because JSON has no `bigint`, with their unit in the name.
 */
function rowJson(row: Row): object {
  const { id, at, service, route, capability, nodeId, status, end, code, wouldDeny } = row;
  const { reserved, spent, unit = "usd_micro", isEstimated, usage, price } = row;
  const { durationMs, firstByteMs } = row;
  const [reservedName, spentName] = NAMES[unit];
  return {
    id,
    at,
    method: safe(row.method),
    path: safe(row.path),
    service,
    route,
    capability,
    lineage: row.lineage.map(safe),
    nodeId,
    model: row.model && safe(row.model),
    status,
    end,
    code,
    wouldDeny,
    [reservedName]: reserved?.toString(),
    [spentName]: spent?.toString(),
    isEstimated,
    usage: usage && usageJson(usage),
    price,
    durationMs,
    firstByteMs,
  };
}

/** The vendor's answer chooses all names in it. */
const usageJson = (usage: Usage): object => ({
  ...usage,
  calls: safeKeys(usage.calls),
  units: safeKeys(usage.units),
  tier: usage.tier && safe(usage.tier),
  model: usage.model && safe(usage.model),
});

const safeKeys = (counts: Readonly<Record<string, number>>): object =>
  Object.fromEntries(Object.entries(counts).map(([name, count]) => [safe(name), count]));

const safe = rememberingUnchanged(hidden);
