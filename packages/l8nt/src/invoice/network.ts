/**
 * The network that an invoice is for, by its BIP 173 currency prefix; compared exactly, never by
 * how a text starts.
 */

/**
 * The human-readable part that follows `ln` in an invoice: mainnet, testnet, signet, regtest,
 * simnet.
 */
export type Network = "bc" | "tb" | "tbs" | "bcrt" | "sb";

export const NETWORKS: readonly Network[] = Object.freeze([
  "bc",
  "tb",
  "tbs",
  "bcrt",
  "sb",
] as const);
