/** A line of the log for each request. */
import type { Logger } from "../treasury/log.ts";
import type { Observer, Row } from "./observer.ts";

export const requestLog = (log: Logger): Observer => ({
  settled: (row) => log.info(rowJson(row), "settled"),
  denied: (row) => log.info(rowJson(row), "denied"),
});

/** Amounts as texts, because JSON has no `bigint`. */
const rowJson = ({ reserved, spent, ...row }: Row): object => ({
  ...row,
  ...(reserved !== undefined && { reservedUsdMicro: reserved.toString() }),
  ...(spent !== undefined && { spentUsdMicro: spent.toString() }),
});
