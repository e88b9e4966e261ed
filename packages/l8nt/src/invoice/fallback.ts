/**
 * On-chain fallback addresses of an invoice: a witness program, or the hash of a key or a script.
 * BOLT 11, `f`.
 */
import { hexBytes, hexText } from "../internal/bytes.ts";
import { malformed } from "./malformed.ts";
import { bytesToWords, type Words, wordsToBytes } from "./words.ts";

/** An on-chain address that the payee accepts instead. */
export interface Fallback {
  /**
   * 0-16: a witness version; 17: the hash of a public key (P2PKH); 18: the hash of a script (P2SH).
   */
  readonly version: number;
  /** The witness program or the hash, in hex. */
  readonly program: string;
}

const LAST_VERSION = 18;

function fits(version: number, length: number): boolean {
  if (version > 16) return length === 20;
  if (version === 0) return length === 20 || length === 32;
  return length >= 2 && length <= 40;
}

/**
 * Returns undefined for an unknown version, which BOLT 11 says to skip, and for a program of no
 * length that its later version allows, which nobody could pay to.
 *
 * @throws ChallengeError (`ERR_INVOICE_MALFORMED`)
 */
export function readFallback(words: Words): Fallback | undefined {
  const version = words[0];
  if (version === undefined) throw malformed("a fallback address is empty");
  if (version > LAST_VERSION) return undefined;
  const program = wordsToBytes(words.slice(1));
  const isFit = program !== undefined && fits(version, program.length);
  if (!isFit && version > 1 && version <= 16) return undefined;
  if (!isFit) throw malformed("a fallback address does not fit its version");
  return Object.freeze({ version, program: hexText(program) });
}

/** @throws TypeError */
export function writeFallback({ version, program }: Fallback): number[] {
  const bytes = hexBytes(program);
  if (
    !Number.isInteger(version) ||
    version < 0 ||
    version > LAST_VERSION ||
    !bytes ||
    !fits(version, bytes.length)
  )
    throw new TypeError(
      "each of fallbacks must have a version from 0 to 18 and a program (hex) of a length that fits it",
    );
  return [version, ...bytesToWords(bytes)];
}
