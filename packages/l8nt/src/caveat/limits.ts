/**
 * The counted limits: budgets in msat and numbers of uses, in all or within a sliding window. The
 * ledger counts them.
 */
import type { Condition, CountKind } from "./condition.ts";
import { readInteger } from "./integer.ts";

export const WINDOW_SECONDS = {
  minute: 60,
  hour: 3600,
  day: 86_400,
  /** Thirty days. */
  month: 2_592_000,
} as const;

const counted = (name: string, kind: CountKind, windowSeconds?: number): Condition<bigint> => ({
  name,
  parse: readInteger,
  limit: (max) => (windowSeconds === undefined ? { kind, max } : { kind, max, windowSeconds }),
});

export const limits: readonly Condition<bigint>[] = [
  counted("budget_msat", "spend"),
  counted("budget_msat_per_hour", "spend", WINDOW_SECONDS.hour),
  counted("budget_msat_per_day", "spend", WINDOW_SECONDS.day),
  counted("budget_msat_per_month", "spend", WINDOW_SECONDS.month),
  counted("max_uses", "uses"),
  counted("max_uses_per_minute", "uses", WINDOW_SECONDS.minute),
  counted("max_uses_per_hour", "uses", WINDOW_SECONDS.hour),
  counted("max_uses_per_day", "uses", WINDOW_SECONDS.day),
];

/** " per hour", or nothing for a limit over the whole life. */
export function formatWindow(windowSeconds: number | undefined): string {
  const unit = Object.entries(WINDOW_SECONDS).find(([, seconds]) => seconds === windowSeconds)?.[0];
  return unit === undefined ? "" : ` per ${unit}`;
}
