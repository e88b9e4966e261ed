/** A finding about a wallet: the point, its state, what was found, and what to do about it. */
import { printable, withoutSecrets } from "../secrecy.ts";

/** What a finding is about. */
export type Point =
  | "url"
  | "reach"
  | "access"
  | "network"
  | "sync"
  | "clock"
  | "pays"
  | "finds"
  | "lists"
  | "preimages"
  | "spendable"
  | "invoices"
  | "receivable"
  | "excess"
  | "note"
  | "fit";

/** How good a finding is. A wallet with a failing one cannot be used. */
export type State = "ok" | "warning" | "failing";

/** A finding; one that is not ok has advice. */
export type Finding = { readonly point: Point; readonly found: string } & (
  | { readonly state: "ok" }
  | { readonly state: "warning" | "failing"; readonly advice: string }
);

export const ok = (point: Point, found: string): Finding => ({ point, state: "ok", found });

export const warning = (point: Point, found: string, advice: string): Finding => ({
  point,
  state: "warning",
  found,
  advice,
});

export const failing = (point: Point, found: string, advice: string): Finding => ({
  point,
  state: "failing",
  found,
  advice,
});

export const isFailing = ({ state }: Finding): boolean => state === "failing";

const MAX_LENGTH = 300;

/** Text of a node or an adapter on one line, of limited length, and without secrets. */
export function told(text: string): string {
  const shown = printable(withoutSecrets(text));
  return shown.length > MAX_LENGTH ? `${shown.slice(0, MAX_LENGTH)}…` : shown;
}
