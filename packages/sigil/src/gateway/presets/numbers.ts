/** Numbers in an answer, which a vendor wrote. */
import { type Fields, isObject } from "./fields.ts";

/** A count that an answer states; undefined if it is missing or no count. */
export const stated = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** A count that an answer may leave out if it is 0. */
export const count = (value: unknown): number => stated(value) ?? 0;

/** A member that is an object; an empty one if not. */
export const inner = (fields: Fields, name: string): Fields => {
  const value = fields[name];
  return isObject(value) ? value : {};
};

/** A text of an answer; undefined for anything else. */
export const word = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

/** The parts of a sum of input tokens that has its cached and its audio tokens inside. */
export function split(
  sum: number,
  parts: { readonly cacheRead: number; readonly cacheWrite: number; readonly audio: number },
): { input: number; cacheRead: number; cacheWrite5m: number; inputAudio: number } {
  // Audio may be cached, and is then in both. It counts once, at the dearer price.
  const inputAudio = Math.min(parts.audio, sum);
  const cacheWrite5m = Math.min(parts.cacheWrite, sum - inputAudio);
  const cacheRead = Math.min(parts.cacheRead, sum - inputAudio - cacheWrite5m);
  return {
    input: sum - inputAudio - cacheWrite5m - cacheRead,
    cacheRead,
    cacheWrite5m,
    inputAudio,
  };
}

/** The JSON of an event, if it can have a usage in it; most events cannot, and are not parsed. */
export function eventWith(marker: string, data: string): Fields | undefined {
  if (!data.includes(marker)) return undefined;
  try {
    const json: unknown = JSON.parse(data);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}
