/** A flag of the command line that gives a key of a scope, and the readers of what is typed. */
import type { AmountText } from "../amount.ts";
import { notWhole, readAmounts } from "./field.ts";

/** A flag of the command line. */
export interface ScopeFlag {
  /** Without the dashes. */
  readonly name: string;
  /** The placeholder in the help. */
  readonly value: string;
  readonly help: string;
  readonly repeatable?: true;
  /**
   * Reads the typed texts to the value of the scope. `what` is the flag's name in messages.
   *
   * @throws TypeError
   */
  read(texts: readonly string[], what: string, now: number): unknown;
}

/** One text as it stands. */
export const typedText: ScopeFlag["read"] = ([text]) => text;

/** The texts of a flag that may be given several times. */
export const typedList: ScopeFlag["read"] = (texts) => texts;

export const typedCount: ScopeFlag["read"] = ([text = ""], what) => {
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(text)) throw notWhole(what);
  return Number(text);
};

/** An amount, or one for each unit. */
export const typedAmounts: ScopeFlag["read"] = (texts, what) => {
  readAmounts(texts as readonly AmountText[], what);
  return texts.length === 1 ? texts[0] : texts;
};
