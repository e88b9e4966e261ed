/** The windows of counted limits: their lengths, and what they are called. */

export interface Window {
  readonly seconds: number;
  /** After the name of a condition: `_per_hour`. */
  readonly suffix: string;
  /** After a key of a scope: `PerHour`. */
  readonly key: string;
  /** Of a denial: " per hour". */
  readonly per: string;
  /** For people: "an hour". */
  readonly words: string;
}

const window = <Key extends string>(seconds: number, key: Key, words: string) => ({
  seconds,
  suffix: `_per_${key.toLowerCase()}`,
  key: `Per${key}` as const,
  per: ` per ${key.toLowerCase()}`,
  words,
});

export const MINUTE = window(60, "Minute", "a minute");
export const HOUR = window(3600, "Hour", "an hour");
export const DAY = window(86_400, "Day", "a day");
/** Thirty days. */
export const MONTH = window(2_592_000, "Month", "a month");

/** " per hour", or nothing for a limit over the whole life. */
export const formatWindow = (windowSeconds: number | undefined): string =>
  [MINUTE, HOUR, DAY, MONTH].find(({ seconds }) => seconds === windowSeconds)?.per ?? "";
