/**
 * A macaroon: an identifier, caveats, and a signature over both. Nothing here verifies one; that
 * takes the root key. spec/1-credential.md §1.
 */
import { type Bytes, binaryOf, binaryOfUtf8, bytesOf } from "../internal/bytes.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { chainKey, signCaveats } from "./chain.ts";
import { MAX_PACKET_BYTES, readPacket, writePacket } from "./packet.ts";
import {
  checkSize,
  macaroonOfPacket,
  mintUnder,
  packetOfMacaroon,
  type UnverifiedMacaroon,
} from "./unverified.ts";

export type { UnverifiedMacaroon } from "./unverified.ts";

export interface MintOptions {
  /** Any length; 32 random bytes are right. Keep it secret. */
  readonly rootKey: Uint8Array;
  readonly identifier: Uint8Array;
  /** A hint of where the macaroon is spent, which the signature does not cover. @default "" */
  readonly location?: string;
}

const OPTIONS = { rootKey: true, identifier: true, location: true } satisfies Keys<MintOptions>;

/**
 * Makes a macaroon without caveats. All others for its identifier descend from it.
 *
 * @throws TypeError for an empty identifier, or an unknown option
 */
function mint(options: MintOptions): UnverifiedMacaroon {
  checkKeys(options, OPTIONS, "Macaroon.mint");
  const { rootKey, identifier, location = "" } = options;
  if (identifier.length === 0) throw new TypeError("a macaroon needs an identifier");
  return macaroonOfPacket(mintUnder(chainKey(rootKey), binaryOf(identifier), location));
}

/**
 * A weaker macaroon: the same, with `caveats` appended. Works offline and needs no secret.
 *
 * @throws TokenError `ERR_TOKEN_TOO_LARGE` past 64 caveats, 1 KiB a caveat or 6093 bytes in all (8
 * KiB as text)
 * @example
 * const child = Macaroon.attenuate(parent, "valid_until=1767225600");
 */
function attenuate(
  macaroon: UnverifiedMacaroon,
  ...caveats: readonly (string | Uint8Array)[]
): UnverifiedMacaroon {
  const { location, identifier, signature } = macaroon;
  const added = caveats.map((caveat) =>
    typeof caveat === "string" ? binaryOfUtf8(caveat) : binaryOf(caveat),
  );
  const all = macaroon.caveats.concat(added.map(bytesOf));
  checkSize(location, identifier, all);
  return Object.freeze({
    location,
    identifier,
    caveats: Object.freeze(all),
    signature: bytesOf(signCaveats(binaryOf(signature), added)),
  });
}

/**
 * Macaroons in their V2 binary form. Vectors: spec/vectors/macaroons.json. spec/1-credential.md §1.
 */
export const Macaroon = {
  mint,
  attenuate,
  /**
   * Reads the V2 binary form. Bytes after it are an error.
   *
   * @throws TokenError `ERR_TOKEN_MALFORMED`, `ERR_TOKEN_TOO_LARGE`, `ERR_TOKEN_THIRD_PARTY`
   */
  decode: (bytes: Uint8Array): UnverifiedMacaroon =>
    macaroonOfPacket(readPacket(binaryOf(bytes.subarray(0, MAX_PACKET_BYTES + 1)))),
  /** Writes the V2 binary form. */
  encode: (macaroon: UnverifiedMacaroon): Bytes => bytesOf(writePacket(packetOfMacaroon(macaroon))),
} as const;
