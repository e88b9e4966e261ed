/**
 * In a browser there is no `SIGIL_WALLET`, and a page should not load every wallet there is: it
 * brings its own.
 */
import { AdapterError } from "./errors.ts";
import type { Wallet } from "./ports/wallet.ts";

/** @throws AdapterError `ERR_WALLET`, always */
export async function openWallet(_url: string): Promise<Wallet> {
  throw new AdapterError(
    "ERR_WALLET",
    "In a browser, pass a wallet object: its adapter is one of the subpaths l8nt/wallets/….",
  );
}
