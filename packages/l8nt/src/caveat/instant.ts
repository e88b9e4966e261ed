/** Instants and distances of time in words: "2030-01-01 00:00:00 UTC", "in 42 min". */

/** The end of the year 9999. ISO 8601 writes later years in other ways. */
const LAST_SECOND = 253_402_300_799;

/** "2030-01-01T00:00:00", of Unix seconds in UTC; undefined after the year 9999, and for NaN. */
export const isoSeconds = (seconds: number): string | undefined =>
  seconds <= LAST_SECOND ? new Date(seconds * 1000).toISOString().slice(0, 19) : undefined;

/** "2030-01-01 00:00:00 UTC", of Unix seconds. */
export function formatInstant(seconds: number | bigint): string {
  const iso = isoSeconds(Math.floor(Number(seconds)));
  return iso === undefined ? `the end of time (${seconds})` : `${iso.replace("T", " ")} UTC`;
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
