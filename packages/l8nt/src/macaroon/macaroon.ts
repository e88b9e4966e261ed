/**
 * A macaroon: an identifier, caveats, and a signature over both. Nothing here verifies one; that
 * takes the root key. spec/1-credential.md §1.
 */
import { TokenError } from "../errors.ts";
import { type Binary, type Bytes, binaryOf, binaryOfUtf8, bytesOf } from "../internal/bytes.ts";
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
export interface UnverifiedMacaroon {
  readonly location: string;
  readonly identifier: Bytes;
  readonly caveats: readonly Bytes[];
  readonly signature: Bytes;
}

export interface MintOptions {
  /** Any length; 32 random bytes are right. Keep it secret. */
  readonly rootKey: Uint8Array;
  readonly identifier: Uint8Array;
  /** A hint of where the macaroon is spent, which the signature does not cover. @default "" */
  readonly location?: string;
}

const OPTIONS = { rootKey: true, identifier: true, location: true } satisfies Keys<MintOptions>;

/** The macaroon of a packet: what programs read, as bytes of its own. */
export const macaroonOfPacket = ({
  location,
  identifier,
  caveats,
  signature,
}: Packet): UnverifiedMacaroon =>
  Object.freeze({
    location,
    identifier: bytesOf(identifier),
    caveats: Object.freeze(caveats.map(bytesOf)),
    signature: bytesOf(signature),
  });

export const packetOfMacaroon = ({
  location,
  identifier,
  caveats,
  signature,
}: UnverifiedMacaroon): Packet => ({
  location,
  identifier: binaryOf(identifier),
  caveats: caveats.map(binaryOf),
  signature: binaryOf(signature),
});

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

/** As `mint`, under a key that was derived from the root key before. */
export const mintUnder = (key: Binary, identifier: Binary, location: string): Packet => ({
  location,
  identifier,
  caveats: [],
  signature: signatures(key, identifier, [])[0],
});

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

/** As `attenuate`, for a packet. */
export function appendCaveats(
  { location, identifier, caveats, signature }: Packet,
  added: readonly Binary[],
): Packet {
  const all = caveats.concat(added);
  checkSize(location, identifier, all);
  return { location, identifier, caveats: all, signature: signCaveats(signature, added) };
}

interface Sized {
  readonly length: number;
}

/** @throws TokenError `ERR_TOKEN_TOO_LARGE` */
function checkSize(location: string, identifier: Sized, caveats: readonly Sized[]): void {
  let size = FIXED_BYTES + identifier.length + 3 * location.length;
  let longest = 0;
  for (const { length } of caveats) {
    size += length + CAVEAT_OVERHEAD_BYTES;
    longest = Math.max(longest, length);
  }
  if (caveats.length > MAX_CAVEATS || size > MAX_PACKET_BYTES || longest > MAX_CAVEAT_BYTES)
    throw new TokenError(
      "ERR_TOKEN_TOO_LARGE",
      `A macaroon has at most ${MAX_CAVEATS} caveats of ${MAX_CAVEAT_BYTES} bytes, and ${MAX_PACKET_BYTES} bytes in all. Delegate less deep, or say less in each scope.`,
    );
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
  decode: (bytes: Uint8Array): UnverifiedMacaroon =>
    macaroonOfPacket(readPacket(binaryOf(bytes.subarray(0, MAX_PACKET_BYTES + 1)))),
  /** Writes the V2 binary form. */
  encode: (macaroon: UnverifiedMacaroon): Bytes => bytesOf(writePacket(packetOfMacaroon(macaroon))),
} as const;
