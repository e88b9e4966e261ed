/** The cells that are known to break a law, each with the law and the reason. */
import type { Law } from "./judge.ts";

export interface Known {
  readonly law: Law;
  readonly why: string;
}

/** By the name of the cell. None is known. */
export const KNOWN: Readonly<Record<string, Known>> = {};
