/**
 * A macaroon: an identifier, caveats, and a signature over both. Nothing here verifies one; that
 * takes the root key. spec/1-credential.md §1.
 */
import { TokenError } from "../errors.ts";
import { type Bytes, utf8 } from "../internal/bytes.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { chainKey, signatures, signCaveats } from "./chain.ts";
import {
  MAX_CAVEAT_BYTES,
  MAX_CAVEATS,
  MAX_PACKET_BYTES,
  type Packet,
  readPacket,
  writePacket,
} from "./packet.ts";

/**
 * A decoded macaroon. Not verified: its signature may be anything. The object is frozen; treat its
 * bytes as read-only.
 */
export type UnverifiedMacaroon = Packet;

export interface MintOptions {
  /** Any length; 32 random bytes are right. Keep it secret. */
  readonly rootKey: Uint8Array;
  readonly identifier: Uint8Array;
  /** A hint of where the macaroon is spent, which the signature does not cover. @default "" */
  readonly location?: string;
}

const OPTIONS = { rootKey: true, identifier: true, location: true } satisfies Keys<MintOptions>;

/** Freezes a macaroon and its list of caveats. */
function frozen({ location, identifier, caveats, signature }: Packet): UnverifiedMacaroon {
  return Object.freeze({ location, identifier, caveats: Object.freeze(caveats), signature });
}

/**
 * Makes a macaroon without caveats. All others for its identifier descend from it.
 *
 * @throws TypeError for an empty identifier, or an unknown option
 */
function mint(options: MintOptions): UnverifiedMacaroon {
  checkKeys(options, OPTIONS, "Macaroon.mint");
  const { rootKey, identifier, location = "" } = options;
  if (identifier.length === 0) throw new TypeError("a macaroon needs an identifier");
  return mintUnder(chainKey(rootKey), new Uint8Array(identifier), location);
}

/** As `mint`, for a key that was derived from the root key before, and an identifier to keep. */
export const mintUnder = (
  key: Uint8Array,
  identifier: Bytes,
  location: string,
): UnverifiedMacaroon =>
  frozen({ location, identifier, caveats: [], signature: signatures(key, identifier, [])[0] });

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
  const { location, identifier } = macaroon;
  const added: Bytes[] = [];
  for (const caveat of caveats)
    added.push(typeof caveat === "string" ? utf8(caveat) : new Uint8Array(caveat));
  const all = macaroon.caveats.concat(added);
  let size = FIXED_BYTES + identifier.length + 3 * location.length;
  for (const { length } of all) size += length + CAVEAT_OVERHEAD_BYTES;
  if (
    all.length > MAX_CAVEATS ||
    size > MAX_PACKET_BYTES ||
    added.some(({ length }) => length > MAX_CAVEAT_BYTES)
  )
    throw new TokenError(
      "ERR_TOKEN_TOO_LARGE",
      `A macaroon has at most ${MAX_CAVEATS} caveats of ${MAX_CAVEAT_BYTES} bytes, and ${MAX_PACKET_BYTES} bytes in all. Delegate less deep, or say less in each scope.`,
    );
  return frozen({
    location,
    identifier,
    caveats: all,
    signature: signCaveats(macaroon.signature, added),
  });
}

// Upper bounds: of version, field headers, ends and signature; of the header and end of a caveat.
const FIXED_BYTES = 48;
const CAVEAT_OVERHEAD_BYTES = 4;

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
  decode: (bytes: Uint8Array): UnverifiedMacaroon => frozen(readPacket(bytes)),
  /** Writes the V2 binary form. */
  encode: (macaroon: UnverifiedMacaroon): Bytes => writePacket(macaroon),
} as const;
