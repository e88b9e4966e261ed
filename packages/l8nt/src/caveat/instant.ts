/** Instants and distances of time in words: "2030-01-01 00:00:00 UTC", "in 42 min". */

/** "2030-01-01 00:00:00 UTC", of Unix seconds. */
export function formatInstant(seconds: number | bigint): string {
  const date = new Date(Math.floor(Number(seconds)) * 1000);
  return Number.isNaN(date.getTime())
    ? `the end of time (${seconds})`
    : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

const UNITS = [
  ["y", 31_557_600, 365 * 86_400 + 1],
  ["d", 86_400, 172_800],
  ["h", 3600, 7200],
  ["min", 60, 120],
  ["s", 1, 0],
] as const;

/** "in 42 min", "3 d ago", "in 1.5 y". */
export function formatDistance(seconds: number): string {
  const size = Math.abs(seconds);
  const [unit, length] = UNITS.find(([, , from]) => size >= from) ?? UNITS[4];
  // Rounding "1 y" could be wrong by months; "74 y" is exact enough.
  const digits = unit === "y" && size / length < 10 ? 1 : 0;
  const count = `${Number((size / length).toFixed(digits))} ${unit}`;
  return seconds >= 0 ? `in ${count}` : `${count} ago`;
}
