/**
 * Writes the `WWW-Authenticate` lines of a challenge. spec/3-challenge.md §1. Apart from the
 * reader, which a page loads at its first payment only.
 */
import { base64Text } from "../internal/bytes.ts";
import { Macaroon, type UnverifiedMacaroon } from "../macaroon/index.ts";
import type { Identifier } from "./identifier.ts";
import { writeIssuers } from "./issuers.ts";

/** The challenge of a service that sells macaroons of spec page 1. */
export interface Challenge {
  readonly macaroon: UnverifiedMacaroon;
  readonly identifier: Identifier;
  /** BOLT 11 text, unverified. */
  readonly invoice: string;
  /** The conditions that the service says it enforces; undefined if it does not say. */
  readonly enforced: readonly string[] | undefined;
  /** Origins whose credentials the service takes; undefined if it lists none. */
  readonly issuers?: readonly string[] | undefined;
}

export const VERSION = "0";

/**
 * The most characters of a challenge's lines. nginx and others answer 502 in place of a response
 * whose head does not fit in 4 KiB, and the rest of the head is the framework's.
 */
const MAX_CHARACTERS = 3072;

/**
 * The lines of a challenge, in the order and form that the regular expressions of the reference
 * clients expect. Where a long path makes them longer than 3,072 characters, the first of these
 * that is enough is left out: `token`, which repeats `macaroon`; the `LSAT` line too; `caveats`
 * too; `issuers` too.
 *
 * @throws TypeError for an invoice, a condition or an issuer that could break out of its quotes
 * [case 9]
 */
export function challengeLines(challenge: Challenge): readonly string[] {
  const macaroon = base64Text(Macaroon.encode(challenge.macaroon));
  if (!/^[a-zA-Z0-9]+$/.test(challenge.invoice))
    throw new TypeError("an invoice is letters and digits");
  if (challenge.enforced?.some((name) => !/^[a-z0-9_-]+$/.test(name)))
    throw new TypeError("a condition's name is lower-case letters, digits, _ and -");
  const both = `macaroon="${macaroon}", invoice="${challenge.invoice}"`;
  const caveats =
    challenge.enforced === undefined ? "" : `, caveats="${challenge.enforced.join(" ")}"`;
  const issuers = issuersParameter(challenge.issuers);
  const lsat = `LSAT ${both}`;
  const l402 = `L402 ${both}, version="${VERSION}"`;
  const forms = [
    [lsat, `${l402}, token="${macaroon}"${caveats}${issuers}`],
    [lsat, l402 + caveats + issuers],
    [l402 + caveats + issuers],
    [l402 + issuers],
  ];
  return forms.find((lines) => lines.join("").length <= MAX_CHARACTERS) ?? [l402];
}

/** The line of a service that has nothing to sell for this request. spec/3-challenge.md §5. */
export const bareLine = (
  enforced: readonly string[],
  issuers: readonly string[] | undefined,
): string =>
  `L402 version="${VERSION}", caveats="${enforced.join(" ")}"${issuersParameter(issuers)}`;

const issuersParameter = (issuers: readonly string[] = []): string =>
  issuers.length === 0 ? "" : `, issuers="${writeIssuers(issuers)}"`;
