/** An L402 challenge: a macaroon, and the invoice that pays for it. spec/3-challenge.md §1-2. */
import type { Access } from "../caveat/index.ts";
import { unverifiedChain } from "../credential/index.ts";
import { ChallengeError, type Refusal } from "../errors.ts";
import { type AuthItem, readChallenges } from "../http/header.ts";
import { base64Bytes, base64Text } from "../internal/bytes.ts";
import { Macaroon, type UnverifiedMacaroon } from "../macaroon/index.ts";
import { Identifier } from "./identifier.ts";

export interface Challenge {
  readonly macaroon: UnverifiedMacaroon;
  readonly identifier: Identifier;
  /** BOLT 11 text, unverified. */
  readonly invoice: string;
  /** The conditions that the service says it enforces; undefined if it does not say. */
  readonly enforced: readonly string[] | undefined;
}

const SCHEMES = ["l402", "lsat"];
const VERSION = "0";
const MAX_CHARACTERS = 32_768;

const malformed = (why: string, cause?: unknown): ChallengeError =>
  new ChallengeError(
    "ERR_CHALLENGE_MALFORMED",
    `The service's challenge cannot be trusted: ${why}. Nothing was paid.`,
    { cause },
  );

/**
 * Finds the L402 challenge among the schemes that a response offers, in any order. `L402` takes
 * precedence over `LSAT`. Two different challenges of one scheme are refused, because nothing says
 * which one to pay.
 *
 * @param header the `WWW-Authenticate` value, or each field line of it
 * @throws ChallengeError `ERR_CHALLENGE_MISSING` if there is none, `ERR_CHALLENGE_MALFORMED`
 */
function parse(header: string | readonly string[] | null | undefined): Challenge {
  const text = typeof header === "string" ? header : (header ?? []).join(", ");
  if (text.length > MAX_CHARACTERS)
    throw malformed(`it has more than ${MAX_CHARACTERS} characters`);
  const items = readChallenges(text);
  if (items === undefined) throw malformed("its WWW-Authenticate field is not well-formed");
  for (const scheme of SCHEMES) {
    const found = items
      .filter((item) => item.scheme === scheme && item.parameters.length > 0)
      .map(readItem);
    const [challenge, ...others] = found.filter((candidate) => candidate !== undefined);
    if (challenge === undefined) continue;
    if (others.some((other) => !sameChallenge(challenge, other)))
      throw malformed("it holds two different challenges");
    return challenge;
  }
  throw new ChallengeError(
    "ERR_CHALLENGE_MISSING",
    "The service asks for payment without an L402 challenge, so there is nothing that Sigil can pay.",
  );
}

/**
 * Whether a `WWW-Authenticate` value offers `LSAT` without `L402`. The service may not know the new
 * name.
 */
export function isLsatAlone(header: string | null): boolean {
  if (header === null || header.length > MAX_CHARACTERS) return false;
  const schemes = readChallenges(header)?.map(({ scheme }) => scheme) ?? [];
  return schemes.includes("lsat") && !schemes.includes("l402");
}

/** Undefined for another version, or an item without a macaroon and an invoice. */
function readItem({ parameters }: AuthItem): Challenge | undefined {
  const one = (name: string): string | undefined => {
    const values = new Set(parameters.filter(([key]) => key === name).map(([, value]) => value));
    if (values.size > 1) throw malformed(`it has two different ${name} parameters`);
    return values.values().next().value;
  };
  const version = one("version");
  if (version !== undefined && version !== VERSION) return undefined;
  const macaroon = one("macaroon");
  const token = one("token");
  const invoice = one("invoice");
  if (macaroon === undefined && token === undefined && invoice === undefined) return undefined;
  if (macaroon !== undefined && token !== undefined && macaroon !== token)
    throw malformed("its macaroon and token parameters differ");
  const packet = base64Bytes(macaroon ?? token ?? "");
  if (packet === undefined || packet.length === 0 || invoice === undefined || invoice === "")
    throw malformed("it lacks a macaroon or an invoice");
  const caveats = one("caveats");
  return challengeOf(
    packet,
    invoice,
    caveats?.split(/[ ,]+/).filter((name) => name !== ""),
  );
}

function challengeOf(
  packet: Uint8Array,
  invoice: string,
  enforced: readonly string[] | undefined,
): Challenge {
  try {
    const macaroon = Macaroon.decode(packet);
    return { macaroon, identifier: Identifier.decode(macaroon.identifier), invoice, enforced };
  } catch (cause) {
    throw malformed("its macaroon is not an L402 macaroon", cause);
  }
}

const sameChallenge = (a: Challenge, b: Challenge): boolean =>
  a.invoice === b.invoice &&
  base64Text(Macaroon.encode(a.macaroon)) === base64Text(Macaroon.encode(b.macaroon));

/**
 * The `WWW-Authenticate` lines of a challenge, in the order and form that the regular expressions
 * of the reference clients expect.
 *
 * @throws TypeError for an invoice or a condition that could break out of its quotes [case 9]
 */
function format(challenge: Challenge): readonly [lsat: string, l402: string] {
  const macaroon = base64Text(Macaroon.encode(challenge.macaroon));
  if (!/^[a-zA-Z0-9]+$/.test(challenge.invoice))
    throw new TypeError("an invoice is letters and digits");
  if (challenge.enforced?.some((name) => !/^[a-z0-9_-]+$/.test(name)))
    throw new TypeError("a condition's name is lower-case letters, digits, _ and -");
  const both = `macaroon="${macaroon}", invoice="${challenge.invoice}"`;
  const caveats =
    challenge.enforced === undefined ? "" : `, caveats="${challenge.enforced.join(" ")}"`;
  return [`LSAT ${both}`, `L402 ${both}, version="${VERSION}", token="${macaroon}"${caveats}`];
}

export const Challenge = { parse, format } as const;

/**
 * The reasons against `access` that the credential for sale is certain to have, computable before
 * it is paid for.
 */
export const refusalsOnSale = (
  { macaroon, identifier }: Pick<Challenge, "macaroon" | "identifier">,
  access: Access,
): readonly Refusal[] =>
  unverifiedChain(macaroon.caveats, identifier.paymentHash).certainRefusals(access);

/** Whether the credential for sale is good for one request only. */
export const isSingleUse = ({ macaroon, identifier }: Challenge): boolean =>
  unverifiedChain(macaroon.caveats, identifier.paymentHash).isSingleUse;
