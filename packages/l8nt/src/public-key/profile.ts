/**
 * The Sigil profile of Biscuit: what the blocks of a credential say. spec/9-public-key.md §2-3.
 */
import { decodeBlock, encodeBlock, Symbols } from "../biscuit/block.ts";
import { checkOf } from "../caveat/conditions/checks.ts";
import {
  type Check,
  check,
  fact,
  type Predicate,
  query,
  sameCheck,
  samePredicate,
  text,
  variable,
} from "../caveat/datalog.ts";
import { formatOrigin, readOrigin } from "../caveat/target.ts";
import { TokenError } from "../errors.ts";
import { type Bytes, hexBytes, hexText, utf8 } from "../internal/bytes.ts";
import { Lru } from "../internal/lru.ts";
import { demandBounded } from "./foreign.ts";

const MAX_CAVEATS = 64;
const MAX_CAVEAT_BYTES = 1024;

const CAVEAT = "caveat";
const HASH_BYTES = 32;

/** What the first block says before its caveats. */
export interface Authority {
  /** The origin of who minted it, such as `https://treasury.example`. */
  readonly issuer: string;
  /** The http(s) URL where the credential is spent. */
  readonly location: string;
  /** Hex. */
  readonly paymentHash: string;
}

export interface Contents extends Authority {
  /** By block, the authority's first. */
  readonly caveats: readonly (readonly string[])[];
  /** Of all blocks, for the one that is appended. */
  readonly symbols: Symbols;
  /** Which blocks are of other makers, and have no caveats. @default none */
  readonly foreign?: readonly number[];
}

const paidCheck: Check = check(
  query([fact("paid", variable("h")), fact("payment_hash", variable("h"))]),
);

const headOf = ({ issuer, location, paymentHash }: Authority): readonly Predicate[] => [
  fact("issuer", text(issuer)),
  fact("location", text(location)),
  fact("payment_hash", { kind: "bytes", value: hexBytes(paymentHash)! }),
];

const factsOf = (caveats: readonly string[]): readonly Predicate[] =>
  caveats.map((caveat) => fact(CAVEAT, text(caveat)));

const checksOf = (caveats: readonly string[]): readonly Check[] =>
  caveats.flatMap((caveat) => checkOf(caveat) ?? []);

/** The first block of a credential. `symbols` gets its symbols. */
export const authorityBlock = (
  authority: Authority,
  caveats: readonly string[],
  symbols: Symbols,
): Bytes =>
  encodeBlock(
    {
      facts: [...headOf(authority), ...factsOf(caveats)],
      checks: [paidCheck, ...checksOf(caveats)],
    },
    symbols,
  );

/** A block that narrows. `symbols` gets its symbols. */
export const narrowingBlock = (caveats: readonly string[], symbols: Symbols): Bytes =>
  encodeBlock({ facts: factsOf(caveats), checks: checksOf(caveats) }, symbols);

/**
 * Reads the blocks of a token, and makes sure that their checks are those of their caveats.
 *
 * @param isJudged whether somebody judges blocks after the first that say something else, which are
 * then left to it if that takes a bounded time
 * @throws TokenError `ERR_TOKEN_MALFORMED`, `ERR_TOKEN_TOO_LARGE`; `ERR_TOKEN_DATALOG` for a block
 * that says anything else
 */
export function readBlocks(blocks: readonly Uint8Array[], isJudged = false): Contents {
  const symbols = new Symbols();
  const foreign: number[] = [];
  let authority: Authority | undefined;
  const read = (data: Uint8Array, at: number): readonly string[] => {
    const { facts, checks } = decodeBlock(data, symbols);
    authority ??= readHead(facts);
    const own = (at === 0 ? facts.slice(HEAD_FACTS) : facts).map(readCaveat);
    const expected = at === 0 ? [paidCheck, ...checksOf(own)] : checksOf(own);
    if (
      checks.length !== expected.length ||
      !checks.every((one, i) => sameCheck(one, expected[i]!))
    )
      throw unlike("checks that are not those of its caveats");
    return own;
  };
  const caveats = blocks.map((data, at) => {
    try {
      return read(data, at);
    } catch (error) {
      const isForeign = error instanceof TokenError && error.code === "ERR_TOKEN_DATALOG";
      if (!isJudged || at === 0 || !isForeign) throw error;
      foreign.push(at);
      return [];
    }
  });
  checkSizes(caveats.flat());
  if (foreign.length === 0) return { ...authority!, caveats, symbols };
  demandBounded(blocks, foreign, symbols);
  return { ...authority!, caveats, symbols, foreign };
}

/** @throws TokenError `ERR_TOKEN_TOO_LARGE` */
export function checkSizes(caveats: readonly string[]): void {
  const isTooLarge = (caveat: string) =>
    // A character has three bytes at most.
    caveat.length > MAX_CAVEAT_BYTES / 3 && utf8(caveat).length > MAX_CAVEAT_BYTES;
  if (caveats.length > MAX_CAVEATS || caveats.some(isTooLarge))
    throw new TokenError(
      "ERR_TOKEN_TOO_LARGE",
      `A credential has at most ${MAX_CAVEATS} caveats of ${MAX_CAVEAT_BYTES} bytes.`,
    );
}

const HEAD_FACTS = 3;

function readHead(facts: readonly Predicate[]): Authority {
  const [issuer, location, hash] = facts;
  const paymentHash = hash?.terms[0];
  const read: Authority = {
    issuer: textIn(issuer),
    location: textIn(location),
    paymentHash: paymentHash?.kind === "bytes" ? hexText(paymentHash.value) : "",
  };
  if (!isIssuer(read.issuer)) throw unlike("an issuer that is no origin in canonical form");
  if (paymentHash?.kind !== "bytes" || paymentHash.value.length !== HASH_BYTES)
    throw unlike("no payment that it commits to");
  const expected = headOf(read);
  if (!expected.every((one, at) => samePredicate(one, facts[at]!)))
    throw unlike("a first block without its issuer, location and payment hash");
  return read;
}

/** Most verifiers meet few issuers. */
const ISSUERS_KEPT = 64;
const issuers = new Lru<string, true>(ISSUERS_KEPT);

/** Whether it is an origin in canonical form. */
function isIssuer(text: string): boolean {
  if (issuers.get(text) === true) return true;
  const origin = readOrigin(text);
  if (origin === undefined || formatOrigin(origin) !== text) return false;
  issuers.set(text, true);
  return true;
}

function readCaveat(one: Predicate): string {
  const caveat = textIn(one);
  if (one.name !== CAVEAT || one.terms.length !== 1) throw unlike("a fact");
  return caveat;
}

function textIn(one: Predicate | undefined): string {
  const term = one?.terms[0];
  if (term?.kind !== "string") throw unlike("a fact");
  return term.value;
}

const unlike = (what: string): TokenError =>
  new TokenError(
    "ERR_TOKEN_DATALOG",
    `A block of the credential has ${what}, which the profile does not allow.`,
  );
