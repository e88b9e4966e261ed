/** A macaroon that nobody has verified, as a packet and as the bytes that programs read. */
import { type Binary, type Bytes, binaryOf, bytesOf } from "../internal/bytes.ts";
import { signatures, signCaveats } from "./chain.ts";
import {
  MAX_CAVEAT_BYTES,
  MAX_CAVEATS,
  MAX_PACKET_BYTES,
  type Packet,
  tooLarge,
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

/** A macaroon without caveats, under a key that was derived from the root key before. */
export const mintUnder = (key: Binary, identifier: Binary, location: string): Packet => ({
  location,
  identifier,
  caveats: [],
  signature: signatures(key, identifier, [])[0],
});

/**
 * The same packet with more caveats.
 *
 * @throws TokenError `ERR_TOKEN_TOO_LARGE`
 */
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
export function checkSize(location: string, identifier: Sized, caveats: readonly Sized[]): void {
  let size = FIXED_BYTES + identifier.length + 3 * location.length;
  let longest = 0;
  for (const { length } of caveats) {
    size += length + CAVEAT_OVERHEAD_BYTES;
    longest = Math.max(longest, length);
  }
  if (caveats.length > MAX_CAVEATS || size > MAX_PACKET_BYTES || longest > MAX_CAVEAT_BYTES)
    throw tooLarge();
}

// Upper bounds: of version, field headers, ends and signature; of the header and end of a caveat.
const FIXED_BYTES = 48;
const CAVEAT_OVERHEAD_BYTES = 4;
