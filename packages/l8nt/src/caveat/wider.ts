/**
 * The caveats of a scope that ask for more than the credential to narrow. They would gain nothing,
 * because every caveat holds, but the author of the scope believes otherwise.
 */
import type { Refusal } from "../errors.ts";
import type { CaveatText } from "./chain.ts";
import type { AnyCondition } from "./condition.ts";
import { conditionNamed } from "./conditions/table.ts";

/**
 * Expiry is not compared: asking for an hour when half an hour is left is allowed, and ends with
 * the parent.
 *
 * @param own the credential's caveats
 * @param wanted the caveats to append, as `condition=value`
 */
export function widenings(
  own: readonly Pick<CaveatText, "condition" | "value">[],
  wanted: readonly string[],
): readonly Refusal[] {
  return wanted.flatMap((caveat) => {
    const at = caveat.indexOf("=");
    const [name, value] = [caveat.slice(0, at), caveat.slice(at + 1)];
    const condition = conditionNamed(name);
    const held = own.find(
      (one) => one.condition === name && condition && !covers(condition, one.value, value),
    );
    return held === undefined
      ? []
      : [
          {
            code: "ERR_SCOPE_WIDER",
            condition: name,
            have: held.value || "nothing",
            need: value,
          } as const,
        ];
  });
}

function covers(condition: AnyCondition, own: string, wanted: string): boolean {
  if (condition.covers === undefined) return true;
  const [held, asked] = [condition.parse(own), condition.parse(wanted)];
  // A value that cannot be read allows nothing, and is covered by nothing.
  return held !== undefined && asked !== undefined && condition.covers(held, asked);
}

/** Whether one request can satisfy both caveats of a condition, as far as that can be told. */
export function mayMeet(name: string, one: string, other: string): boolean {
  const condition = conditionNamed(name);
  if (condition?.meets === undefined) return true;
  const [first, second] = [condition.parse(one), condition.parse(other)];
  return first === undefined || second === undefined || condition.meets(first, second);
}
