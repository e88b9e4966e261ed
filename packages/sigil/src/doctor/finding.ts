/** One point of a wallet: what was found there, and, where all is not well, what to do. */
import { printable, withoutSecrets } from "../secrecy.ts";

export type Point =
  | "url"
  | "reach"
  | "access"
  | "network"
  | "sync"
  | "clock"
  | "pays"
  | "finds"
  | "preimages"
  | "spendable"
  | "invoices"
  | "receivable"
  | "excess"
  | "note"
  | "fit";

export type State = "ok" | "warning" | "failing";

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

/**
 * What a node, or an adapter in its words, said: on one line, of a length to be read, and without
 * what may be a secret.
 */
export function told(text: string): string {
  const shown = printable(withoutSecrets(text));
  return shown.length > MAX_LENGTH ? `${shown.slice(0, MAX_LENGTH)}…` : shown;
}
