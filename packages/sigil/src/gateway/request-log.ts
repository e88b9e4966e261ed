/** A line of the log for each request. */
import type { Logger } from "../treasury/log.ts";
import type { Observer, Row } from "./observer.ts";

export const requestLog = (log: Logger): Observer => ({
  settled: (row) => log.info(rowJson(row), "settled"),
  denied: (row) => log.info(rowJson(row), "denied"),
});

const NAMES = {
  usd_micro: ["reservedUsdMicro", "spentUsdMicro"],
  msat: ["reservedMsat", "spentMsat"],
} as const;

/** Amounts as texts, because JSON has no `bigint`, with their unit in the name. */
function rowJson({ reserved, spent, unit = "usd_micro", ...row }: Row): object {
  const [reservedName, spentName] = NAMES[unit];
  return {
    ...row,
    ...(reserved !== undefined && { [reservedName]: reserved.toString() }),
    ...(spent !== undefined && { [spentName]: spent.toString() }),
  };
}
