/** The windows of counted limits: their lengths, and what they are called. */

export interface Window {
  readonly seconds: number;
  /** After the name of a condition: `_per_hour`. */
  readonly suffix: string;
}

export const MINUTE: Window = { seconds: 60, suffix: "_per_minute" };
export const HOUR: Window = { seconds: 3600, suffix: "_per_hour" };
export const DAY: Window = { seconds: 86_400, suffix: "_per_day" };
/** Thirty days. */
export const MONTH: Window = { seconds: 2_592_000, suffix: "_per_month" };

const suffixOf = (windowSeconds: number | undefined): string =>
  [MINUTE, HOUR, DAY, MONTH].find(({ seconds }) => seconds === windowSeconds)?.suffix ?? "";

/** In a denial: " per hour", or nothing for a limit over the whole life. */
export const formatWindow = (windowSeconds: number | undefined): string =>
  suffixOf(windowSeconds).replaceAll("_", " ");

/** For people: "an hour", or "in all" for a limit over the whole life. */
export const windowWords = (windowSeconds: number | undefined): string =>
  suffixOf(windowSeconds)
    .replace(/^_per_(?=h)/, "an ")
    .replace(/^_per_/, "a ") || "in all";
