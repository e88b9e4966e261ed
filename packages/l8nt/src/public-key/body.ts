/**
 * The public-key form of a credential: a Biscuit token and a preimage. spec/9-public-key.md §1-5.
 */

import { Symbols } from "../biscuit/block.ts";
import { appendBlock, chainClaims, sealToken } from "../biscuit/signatures.ts";
import {
  decodeSignedBlock,
  decodeToken,
  encodeSigned,
  encodeToken,
  MAX_BLOCKS,
  type Token,
} from "../biscuit/token.ts";
import { formatOrigin, ledger, nodesAt, readOrigin, valueIn } from "../caveat/index.ts";
import { type Body, onlyAt } from "../credential/index.ts";
import { keyOf } from "../credential/key-form.ts";
import { malformedText, readText, type TextParts } from "../credential/text.ts";
import { TokenError } from "../errors.ts";
import {
  type Binary,
  type Bytes,
  base64Bytes,
  base64Text,
  binaryOfUtf8,
  bytesOf,
  hexOfBinary,
  utf8,
} from "../internal/bytes.ts";
import { equalBytes, hmacSha256, sha256OfHex } from "../internal/crypto.ts";
import { KEY_BYTES, SIGNATURE_BYTES, verify } from "../internal/ed25519.ts";
import type { Descent } from "../ports/descent.ts";
import { BlockPlaces, placeId } from "./places.ts";
import { type Contents, checkSizes, narrowingBlock, readBlocks } from "./profile.ts";

const PREIMAGE = /^[0-9a-fA-F]{64}$/;
const PREIMAGE_CHARACTERS = 64;
const MAX_CHARACTERS = 8192;

export interface BodyParts {
  readonly token: Token;
  readonly contents: Contents;
  /** Hex, lower case. */
  readonly preimage: string;
  /** Whether the same caveats, appended again, make the same credential. @default false */
  readonly isRepeatable?: boolean;
  /** Whether blocks of other makers are left to a judge of Datalog. @default false */
  readonly isJudged?: boolean;
}

/**
 * Reads a credential in this form, which is not verified.
 *
 * @param isJudged whether blocks of other makers are left to a judge of Datalog
 * @throws TokenError `ERR_TOKEN_MALFORMED`, `ERR_TOKEN_TOO_LARGE`, `ERR_TOKEN_ALGORITHM`,
 * `ERR_TOKEN_THIRD_PARTY`, `ERR_TOKEN_DATALOG`
 */
export function readBody({ token: bytes, preimage }: TextParts, isJudged = false): BiscuitBody {
  if (!PREIMAGE.test(preimage)) throw malformedText();
  const token = decodeToken(bytesOf(bytes));
  const contents = readBlocks(
    token.blocks.map(({ data }) => data),
    isJudged,
  );
  return new BiscuitBody({ token, contents, preimage: preimage.toLowerCase(), isJudged });
}

/** What a seal has more than the key in its place: a signature instead. */
const SEAL_BYTES = SIGNATURE_BYTES - KEY_BYTES;

/**
 * Refuses a text that nobody would read, and an open one that would be such once it is sealed: an
 * open one is never sent, so nothing could be done with it.
 *
 * @throws TokenError `ERR_TOKEN_TOO_LARGE`
 */
export function checkLength({ token, isSealed }: BiscuitBody): void {
  const bytes = encodeToken(token).length + (isSealed ? 0 : SEAL_BYTES);
  const characters = 4 * Math.ceil(bytes / 3) + ":".length + PREIMAGE_CHARACTERS;
  if (characters > MAX_CHARACTERS)
    throw new TokenError(
      "ERR_TOKEN_TOO_LARGE",
      `The credential would have more than ${MAX_CHARACTERS} characters once it is sealed.`,
    );
}

export class BiscuitBody implements Body {
  readonly #parts: BodyParts;

  constructor(parts: BodyParts) {
    this.#parts = parts;
  }

  get token(): Token {
    return this.#parts.token;
  }

  /** The origin that it names as its issuer. */
  get issuer(): string {
    return this.#parts.contents.issuer;
  }

  get location(): string {
    return this.#parts.contents.location;
  }

  get rootId(): string {
    return placeId([this.#parts.token.blocks[0].signature], 0);
  }

  get caveats(): readonly Binary[] {
    return this.#parts.contents.caveats.flat().map(binaryOfUtf8);
  }

  /** Whether blocks of other makers are in it, whose checks a judge of Datalog has to find true. */
  get isForeign(): boolean {
    return this.#parts.contents.foreign !== undefined;
  }

  /** The caveats of the blocks before the first one that names the ledger of its limits. */
  get beforeLedger(): readonly Binary[] {
    const { caveats } = this.#parts.contents;
    const at = caveats.findIndex((own) => own.some((one) => valueIn(ledger, one) !== undefined));
    return caveats
      .slice(0, at === -1 ? undefined : at)
      .flat()
      .map(binaryOfUtf8);
  }

  get paymentHash(): string {
    return this.#parts.contents.paymentHash;
  }

  get isPaid(): boolean {
    return hexOfBinary(sha256OfHex(this.#parts.preimage)) === this.paymentHash;
  }

  /** Whether nobody can append to it. */
  get isSealed(): boolean {
    return this.#parts.token.proof.kind === "sealed";
  }

  /** @param text its own, which is read again when it is asked for what is below */
  placesOf(text: string): BlockPlaces {
    const { token, contents, isJudged } = this.#parts;
    return new BlockPlaces(
      token.blocks.map(({ signature }) => signature),
      contents.caveats.map(({ length }) => length),
      () => readBody(readText(text), isJudged),
    );
  }

  /**
   * The ids of the nodes that blocks which follow its own open; or those of the credential that was
   * narrowed to the origin of `location`, and sealed, to be presented there.
   * spec/9-public-key.md §8.
   *
   * @throws TypeError, TokenError for blocks that do not follow, or cannot be read
   */
  nodesBelow(following: readonly string[], location?: string): readonly string[] {
    const { blocks } = this.#parts.token;
    if (blocks.length + following.length > MAX_BLOCKS)
      throw new TypeError("a credential has not so many blocks");
    const more = following.map((text) => decodeSignedBlock(base64Bytes(text) ?? new Uint8Array()));
    const ends = this.#isPresentedAt(location)
      ? [blocks.length, blocks.length - 1]
      : [blocks.length];
    for (const end of ends) {
      const all = [...blocks.slice(0, end), ...more] as unknown as Token["blocks"];
      const follows = chainClaims(all, end).every(({ key, message, signature }) =>
        verify(key, message, signature),
      );
      if (!follows) continue;
      const { caveats } = readBlocks(
        all.map(({ data }) => data),
        this.#parts.isJudged,
      );
      const signatures = all.map(({ signature }) => signature);
      return more.flatMap((_, at) =>
        nodesAt(caveats[end + at]!).map((agent) =>
          placeId(signatures.slice(0, end + at + 1), agent + 1),
        ),
      );
    }
    throw new TypeError("the blocks do not follow those of the credential");
  }

  /** Whether its last block is what a client appends to present it at the origin of `location`. */
  #isPresentedAt(location = ""): boolean {
    const origin = readOrigin(location);
    const last = this.#parts.contents.caveats.slice(1).at(-1);
    const isOne = origin !== undefined && this.isSealed && last?.length === 1;
    return isOne && last[0] === onlyAt(formatOrigin(origin));
  }

  /** The blocks that follow those of `ancestor`, up to the last one that opens a node. */
  descentFrom(ancestor: Body): Descent | undefined {
    if (!(ancestor instanceof BiscuitBody)) return undefined;
    const { token, contents } = this.#parts;
    const above = ancestor.token.blocks;
    const descends = above.every(({ signature }, at) => {
      const own = token.blocks[at];
      return own !== undefined && equalBytes(own.signature, signature);
    });
    const end = contents.caveats.findLastIndex((own) => nodesAt(own).length > 0) + 1;
    if (!descends || end <= above.length) return undefined;
    return {
      blocks: token.blocks.slice(above.length, end).map((block) => base64Text(encodeSigned(block))),
    };
  }

  append(caveats: readonly string[]): BiscuitBody {
    const { token, contents, isRepeatable = false } = this.#parts;
    const all = [...contents.caveats, caveats];
    checkSizes(all.flat());
    const symbols = new Symbols(contents.symbols);
    const data = narrowingBlock(caveats, symbols);
    const body = new BiscuitBody({
      ...this.#parts,
      token: appendBlock(token, data, { isRepeatable }),
      contents: { ...contents, caveats: all, symbols },
    });
    checkLength(body);
    return body;
  }

  /**
   * The same, to which nobody can append.
   *
   * @throws TokenError `ERR_TOKEN_SEALED` if it is sealed; `ERR_TOKEN_TOO_LARGE` if it has no room
   * for the seal, which is longer than the key
   */
  seal(): BiscuitBody {
    const body = new BiscuitBody({ ...this.#parts, token: sealToken(this.#parts.token) });
    checkLength(body);
    return body;
  }

  sealed(): BiscuitBody {
    return this.isSealed ? this : this.seal();
  }

  derive(message: string): Bytes {
    const { proof } = this.#parts.token;
    const secret = proof.kind === "open" ? proof.nextSecret : proof.signature;
    return hmacSha256(hmacSha256(secret, utf8("sigil derive")), utf8(message));
  }

  toText(): string {
    return `${base64Text(encodeToken(this.#parts.token))}:${this.#parts.preimage}`;
  }

  toKey(): string {
    return keyOf(this.toText());
  }

  toJSON(): Record<string, unknown> {
    return {
      form: "biscuit",
      issuer: this.issuer,
      location: this.location,
      paymentHash: this.paymentHash,
    };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON();
  }
}
