/** Durations as people write them: "30s", "15m", "1h", "7d". */

export type Duration = `${number}s` | `${number}m` | `${number}h` | `${number}d`;

const TEXT = /^([1-9][0-9]{0,8})(s|m|h|d)$/;
const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** @throws TypeError */
export function durationSeconds(duration: Duration, what: string): number {
  const match = typeof duration === "string" ? TEXT.exec(duration) : null;
  if (match === null)
    throw new TypeError(`${what} must be a duration such as "30s", "15m", "1h" or "7d"`);
  return Number(match[1]) * SECONDS[match[2]!]!;
}
