/** The cells that are known to break a law, each with the law and the reason. */
import { CELLS, cellName } from "./cells.ts";
import type { Law } from "./judge.ts";

export interface Known {
  readonly law: Law;
  readonly why: string;
}

/** By the name of the cell. */
export const KNOWN: Readonly<Record<string, Known>> = Object.fromEntries(
  CELLS.filter(
    ({ row, mode, served, again }) =>
      row.at === "gateway" &&
      mode === "relayed" &&
      served === "served, keeps" &&
      (again === "new order" || again === "new process"),
  ).map((cell) => [
    cellName(cell),
    { law: "U", why: "the treasury takes the gateway's answer for the service's" },
  ]),
);
