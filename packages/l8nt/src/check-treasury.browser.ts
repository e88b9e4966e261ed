/**
 * A page loads the readers of a treasury's options with the treasury, which checks them before it
 * pays anything.
 */
import type { TreasuryOptions } from "./treasury/options.ts";

export function checkTreasury(_options: TreasuryOptions): void {}
