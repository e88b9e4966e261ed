/** What a macaroon has room for below one that is there. spec/1-credential.md §1. */
import type { Binary } from "../internal/bytes.ts";
import { MAX_CAVEAT_BYTES, MAX_CAVEATS, MAX_PACKET_BYTES, tooLarge } from "./packet.ts";

/** Of the identifier of a credential. spec/1-credential.md §2. */
const IDENTIFIER_BYTES = 66;
/** Of version, the last end, and the signature with its header. */
const FRAME_BYTES = 36;

/** With the header of its field, and its end. */
const sectionBytes = (length: number): number => length + (length < 0x80 ? 3 : 4);

/**
 * Refuses what no credential can have: `own` caveats with those that follow. A location is a hint,
 * which the child may lack.
 *
 * @throws TokenError `ERR_TOKEN_TOO_LARGE`
 */
export function checkDescent(own: readonly Binary[], following: readonly Binary[]): void {
  if (own.length + following.length > MAX_CAVEATS) throw tooLarge();
  let size = FRAME_BYTES + sectionBytes(IDENTIFIER_BYTES);
  for (const { length } of [...own, ...following]) {
    if (length > MAX_CAVEAT_BYTES) throw tooLarge();
    size += sectionBytes(length);
  }
  if (size > MAX_PACKET_BYTES) throw tooLarge();
}
