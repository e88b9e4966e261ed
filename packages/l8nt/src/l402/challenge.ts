/**
 * An L402 challenge: tokens, and the invoice that pays for each. spec/3-challenge.md §1-3.
 */
import type { Access } from "../caveat/index.ts";
import { unverifiedChain } from "../credential/index.ts";
import { ChallengeError, type Refusal, TokenError } from "../errors.ts";
import { isFieldText } from "../http/field-text.ts";
import { type AuthItem, readChallenges } from "../http/header.ts";
import { base64Bytes, base64Text } from "../internal/bytes.ts";
import { challengeLines, type Challenge as MacaroonChallenge, VERSION } from "./challenge-lines.ts";
import { type Token, tokenOf } from "./token.ts";

/** One thing that a service sells. */
export interface Offer {
  readonly token: Token;
  /** BOLT 11 text, unverified. */
  readonly invoice: string;
  /**
   * The conditions that the service says it enforces; undefined if it does not say, or if its token
   * has none.
   */
  readonly enforced: readonly string[] | undefined;
}

const SCHEMES = ["l402", "lsat"];
const MAX_CHARACTERS = 32_768;
/** The checks of one offer take milliseconds. */
const MAX_OFFERS = 8;

const malformed = (why: string, cause?: unknown): ChallengeError =>
  new ChallengeError(
    "ERR_CHALLENGE_MALFORMED",
    `The service's challenge cannot be trusted: ${why}. Nothing was paid.`,
    { cause },
  );

/**
 * The different L402 offers among the schemes that a response offers, in any order. `L402` takes
 * precedence over `LSAT`. Items of other schemes are skipped, also those that cannot be read.
 *
 * @param header the `WWW-Authenticate` value, or better each field line of it: a line that leaves a
 * quote open then spoils no other one
 * @throws ChallengeError `ERR_CHALLENGE_MISSING` if there is none, `ERR_CHALLENGE_MALFORMED`
 */
function offers(header: string | readonly string[] | null | undefined): readonly Offer[] {
  const lines = typeof header === "string" ? [header] : (header ?? []);
  if (lines.reduce((size, line) => size + line.length, 0) > MAX_CHARACTERS)
    throw malformed(`it has more than ${MAX_CHARACTERS} characters`);
  const items = lines.flatMap(readChallenges);
  for (const scheme of SCHEMES) {
    const found: Offer[] = [];
    for (const item of items) {
      const offer = item.scheme === scheme ? readItem(item) : undefined;
      if (offer !== undefined && !found.some((other) => isSame(offer, other))) found.push(offer);
      if (found.length > MAX_OFFERS) throw malformed(`it holds more than ${MAX_OFFERS} offers`);
    }
    if (found.length > 0) return found;
  }
  // A quote that stays open hides what follows it.
  if (items.some(({ isBroken }) => isBroken) && lines.some((line) => OURS.test(line)))
    throw malformed("its WWW-Authenticate field is not well-formed");
  throw new ChallengeError(
    "ERR_CHALLENGE_MISSING",
    "The service asks for payment without an L402 challenge, so there is nothing that Sigil can pay.",
  );
}

const OURS = /(?:^|[ \t,])(?:l402|lsat)[ \t]/i;

/**
 * The one challenge of a service that sells macaroons of spec page 1.
 *
 * @param header as for `offers`
 * @throws ChallengeError `ERR_CHALLENGE_MISSING`; `ERR_CHALLENGE_MALFORMED`, also for several
 * offers and for a token of another form
 */
function parse(header: string | readonly string[] | null | undefined): Challenge {
  const [offer, ...others] = offers(header);
  if (others.length > 0) throw malformed("it holds two different challenges");
  const { token, invoice, enforced } = offer!;
  if (token.form !== "macaroon") throw malformed("its token is not an L402 macaroon");
  return { macaroon: token.macaroon, identifier: token.identifier, invoice, enforced };
}

/**
 * Whether a `WWW-Authenticate` value offers `LSAT` without `L402`. The service may not know the new
 * name.
 */
export function isLsatAlone(header: string | null): boolean {
  if (header === null || header.length > MAX_CHARACTERS) return false;
  const items = readChallenges(header);
  return (
    items.some(({ scheme, isBroken }) => scheme === "lsat" && !isBroken) &&
    items.every(({ scheme }) => scheme !== "l402")
  );
}

/** Undefined for another version, or an item without a macaroon and an invoice. */
function readItem({ parameters, isBroken }: AuthItem): Offer | undefined {
  const one = (name: string): string | undefined => {
    const values = new Set(parameters.filter(([key]) => key === name).map(([, value]) => value));
    if (values.size > 1) throw malformed(`it has two different ${name} parameters`);
    return values.values().next().value;
  };
  const version = one("version");
  if (version !== undefined && version !== VERSION) return undefined;
  if (isBroken) throw malformed("a part of its L402 item cannot be read");
  if (!parameters.every(([, value]) => isFieldText(value)))
    throw malformed("a value of its L402 item has characters that are not visible ASCII");
  const macaroon = one("macaroon");
  const token = one("token");
  const invoice = one("invoice");
  if (macaroon === undefined && token === undefined && invoice === undefined) return undefined;
  if (macaroon !== undefined && token !== undefined && macaroon !== token)
    throw malformed("its macaroon and token parameters differ");
  const text = macaroon ?? token ?? "";
  if (text === "") throw malformed("its L402 item lacks a macaroon or a token");
  if (invoice === undefined || invoice === "") throw malformed("its L402 item lacks an invoice");
  const read = readToken(text);
  const caveats = read.form === "macaroon" ? one("caveats") : undefined;
  const enforced = caveats?.split(/[ ,]+/).filter((name) => name !== "");
  return { token: read, invoice, enforced };
}

function readToken(text: string): Token {
  try {
    return tokenOf(text);
  } catch (cause) {
    if (!(cause instanceof TokenError)) throw cause;
    throw malformed(`its token cannot be presented. ${cause.message.replace(/\.$/, "")}`, cause);
  }
}

const isSame = (a: Offer, b: Offer): boolean =>
  a.invoice === b.invoice && inOneSpelling(a.token.text) === inOneSpelling(b.token.text);

/** Some servers write a token in two kinds of base64. */
const inOneSpelling = (text: string): string => {
  const bytes = base64Bytes(text);
  return bytes === undefined ? text : base64Text(bytes);
};

export interface Challenge extends MacaroonChallenge {}
export const Challenge = { parse, offers, format: challengeLines } as const;

/**
 * The reasons against `access` that the credential for sale is certain to have, computable before
 * it is paid for. Nothing is known of an opaque token.
 */
export const refusalsOnSale = (
  { token }: Pick<Offer, "token">,
  access: Access,
): readonly Refusal[] =>
  token.form === "opaque"
    ? []
    : unverifiedChain(token.macaroon.caveats, token.identifier.paymentHash).certainRefusals(access);
