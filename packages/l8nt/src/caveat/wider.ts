/**
 * Where a scope asks for more than the credential that it is to narrow. It would gain nothing by
 * it, because every caveat holds; but whoever wrote it believes otherwise, and is told.
 */
import type { Refusal } from "../errors.ts";
import type { CaveatText } from "./chain.ts";
import { coversEndpoint, type EndpointPattern } from "./endpoint.ts";
import { readInteger } from "./integer.ts";
import { serviceVocabulary } from "./vocabulary.ts";

const VOCABULARY = serviceVocabulary();
const NUMBERS = /^(?:budget_msat|max_uses)(?:_per_[a-z]+)?$|^max_(?:price_msat|depth)$/;
const LISTS = /^(?:services|payees)$|_capabilities$/;

/**
 * Times are left out: a delegation for an hour, by whom half an hour is left, is no mistake.
 *
 * @param own the credential's caveats @param wanted those to be appended, as `condition=value`
 */
export function widenings(
  own: readonly CaveatText[],
  wanted: readonly string[],
): readonly Refusal[] {
  return wanted.flatMap((caveat) => {
    const at = caveat.indexOf("=");
    const [condition, value] = [caveat.slice(0, at), caveat.slice(at + 1)];
    const held = own.find(
      (one) => one.condition === condition && !covers(condition, one.value, value),
    );
    return held === undefined
      ? []
      : [
          {
            code: "ERR_SCOPE_WIDER",
            condition,
            have: held.value || "nothing",
            need: value,
          } as const,
        ];
  });
}

function covers(condition: string, own: string, wanted: string): boolean {
  if (NUMBERS.test(condition)) {
    const [held, asked] = [readInteger(own), readInteger(wanted)];
    // What nobody can read allows nothing.
    return held !== undefined && asked !== undefined && asked <= held;
  }
  if (LISTS.test(condition)) {
    const held = new Set(own.split(","));
    return wanted === "" || wanted.split(",").every((entry) => held.has(entry));
  }
  if (condition !== "endpoints") return true;
  const [outer, inner] = [patterns(own), patterns(wanted)];
  return inner.every((pattern) => outer.some((other) => coversEndpoint(other, pattern)));
}

const patterns = (value: string): readonly EndpointPattern[] =>
  VOCABULARY.find("endpoints")?.parse(value) ?? [];
