/**
 * The Bitcoin network of an invoice, named by its BIP 173 prefix. Prefixes are compared as a whole,
 * because one starts with another (`bc`, `bcrt`).
 */

/**
 * The prefix that follows `ln` in an invoice: mainnet, testnet, signet, regtest, simnet.
 */
export type Network = "bc" | "tb" | "tbs" | "bcrt" | "sb";

/** Every network that an invoice can be for. */
export const NETWORKS: readonly Network[] = Object.freeze([
  "bc",
  "tb",
  "tbs",
  "bcrt",
  "sb",
] as const);
