/** Checks the options of a client's treasury when the client is made, not at its first payment. */
import { readLimits } from "./treasury/limits.ts";
import { checkOptions, type TreasuryOptions } from "./treasury/options.ts";

/** @throws TypeError for an option that is unknown or cannot work */
export function checkTreasury(options: TreasuryOptions): void {
  checkOptions(options);
  readLimits(options, "a treasury");
}
