/** Route hints: hops to the payee through channels that are not public. BOLT 11, `r`. */
import { concat, hexBytes, hexText } from "../internal/bytes.ts";
import { malformed } from "./malformed.ts";
import { bytesToWords, type Words, wordsToBytes } from "./words.ts";

/** One channel of a route hint. */
export interface RouteHop {
  /**
   * The node where the channel starts, in hex. It is not checked to be a point on the curve,
   * because nothing computes with it.
   */
  readonly pubkey: string;
  /** Block, transaction and output, such as "66051x263430x1800". BOLT 7. */
  readonly shortChannelId: string;
  readonly feeBaseMsat: bigint;
  readonly feeProportionalMillionths: number;
  readonly cltvExpiryDelta: number;
}

const HOP_BYTES = 51;
const SHORT_CHANNEL_ID = /^(\d{1,8})x(\d{1,8})x(\d{1,5})$/;

/** @throws ChallengeError (`ERR_INVOICE_MALFORMED`) */
export function readRouteHint(words: Words): readonly RouteHop[] {
  const bytes = wordsToBytes(words);
  if (bytes === undefined || bytes.length % HOP_BYTES !== 0)
    throw malformed("a route hint does not consist of whole hops");
  const hops: RouteHop[] = [];
  for (let at = 0; at < bytes.length; at += HOP_BYTES)
    hops.push(readHop(bytes.subarray(at, at + HOP_BYTES)));
  return Object.freeze(hops);
}

function readHop(bytes: Uint8Array): RouteHop {
  if (bytes[0] !== 2 && bytes[0] !== 3)
    throw malformed("a node of a route hint is not a compressed public key");
  const view = new DataView(bytes.buffer, bytes.byteOffset, HOP_BYTES);
  const block = view.getUint32(33) >>> 8;
  const transaction = view.getUint32(36) >>> 8;
  return Object.freeze({
    pubkey: hexText(bytes.subarray(0, 33)),
    shortChannelId: `${block}x${transaction}x${view.getUint16(39)}`,
    feeBaseMsat: BigInt(view.getUint32(41)),
    feeProportionalMillionths: view.getUint32(45),
    cltvExpiryDelta: view.getUint16(49),
  });
}

/** @throws TypeError */
export function writeRouteHint(hops: readonly RouteHop[]): number[] {
  return bytesToWords(concat(...hops.map(writeHop)));
}

function writeHop(hop: RouteHop): Uint8Array {
  const pubkey = hexBytes(hop.pubkey);
  const [, block, transaction, output] = (SHORT_CHANNEL_ID.exec(hop.shortChannelId) ?? []).map(
    Number,
  );
  const sound =
    pubkey?.length === 33 &&
    (pubkey[0] === 2 || pubkey[0] === 3) &&
    within(block, 24) &&
    within(transaction, 24) &&
    within(output, 16) &&
    within(Number(hop.feeBaseMsat), 32) &&
    within(hop.feeProportionalMillionths, 32) &&
    within(hop.cltvExpiryDelta, 16);
  if (!sound)
    throw new TypeError("a number of a hop in routeHints does not fit its field of BOLT 11");
  const bytes = new Uint8Array(HOP_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(pubkey!);
  view.setUint32(36, transaction! << 8);
  view.setUint16(33, block! >>> 8);
  view.setUint8(35, block! & 0xff);
  view.setUint16(39, output!);
  view.setUint32(41, Number(hop.feeBaseMsat));
  view.setUint32(45, hop.feeProportionalMillionths);
  view.setUint16(49, hop.cltvExpiryDelta);
  return bytes;
}

function within(value: number | undefined, bits: number): boolean {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value < 2 ** bits;
}
