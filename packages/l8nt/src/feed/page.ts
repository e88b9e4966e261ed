/**
 * A signed page of the feed: which nodes were revoked, up to which number, and when it was signed.
 * spec/7-revocation-feed.md §1.
 */
import { AdapterError } from "../errors.ts";
import { utf8 } from "../internal/bytes.ts";
import { canonical, type JcsValue } from "../receipt/jcs.ts";
import type { ReceiptKey, ReceiptSigner } from "../receipt/key.ts";

export interface FeedEntry {
  readonly seq: number;
  /** The node that was revoked, with everything below it. */
  readonly node: string;
  /** Unix seconds after which nothing below it can be valid; absent where that is not known. */
  readonly endsAt?: number;
}

export interface FeedPage {
  /** Keeps the signature from being taken for one of a receipt, should the two share a key. */
  readonly type: "revocations";
  /** The authority whose nodes these are. */
  readonly location: string;
  /** What is newer than this number is here … */
  readonly after: number;
  /** … up to this one. */
  readonly seq: number;
  /** Whole Unix seconds at which it was signed. */
  readonly at: number;
  readonly entries: readonly FeedEntry[];
  readonly keyId: string;
}

/** Signs pages: a key of its own, 32 bytes of seed. */
export type FeedSigner = Pick<ReceiptSigner, "keyId" | "publicKey" | "sign">;

export const MAX_ENTRIES = 1000;
/** A thousand entries are 110 kB. */
export const MAX_PAGE_BYTES = 262_144;
/** How far the clocks of publisher and follower may be apart. */
export const MAX_SKEW_SECONDS = 60;

export function signPage(page: Omit<FeedPage, "type" | "keyId">, signer: FeedSigner): string {
  const signed: Record<string, JcsValue> = {
    ...page,
    type: "revocations",
    keyId: signer.keyId,
    entries: page.entries.map((entry) => ({ ...entry })),
  };
  return canonical({ ...signed, signature: signer.sign(utf8(canonical(signed))) });
}

/**
 * Reads a page that somebody sent, and verifies who signed it. Whose feed it is, and whether it is
 * the next, is not judged here.
 *
 * @throws AdapterError `ERR_FEED`
 */
export function readPage(text: string, key: ReceiptKey): FeedPage {
  const { signature, ...page } = objectOf(text);
  if (!isPage(page) || typeof signature !== "string" || !/^[0-9a-f]{128}$/.test(signature))
    throw notAPage("its members are not of their form");
  if (page.keyId !== key.keyId)
    throw notAPage(`key ${page.keyId} signed it, and key ${key.keyId} was expected`);
  if (!key.verifies(bytesOf(page), signature)) throw notAPage("its signature does not hold");
  return page;
}

export const notAPage = (why: string): AdapterError =>
  new AdapterError("ERR_FEED", `What the revocation feed sent is of no use: ${why}.`);

function objectOf(text: string): Record<string, unknown> {
  try {
    return { ...JSON.parse(text) };
  } catch {
    // The parser's own error quotes the text.
    throw notAPage("it is not JSON");
  }
}

function bytesOf(page: FeedPage): Uint8Array {
  try {
    return utf8(canonical(page as unknown as JcsValue));
  } catch {
    // A member that we do not know, with a fraction or a lone surrogate in it, or nested too deep.
    throw notAPage("it has no canonical text");
  }
}

const natural = (member: unknown): boolean =>
  Number.isSafeInteger(member) && (member as number) >= 0;

function isPage(json: Record<string, unknown>): json is Record<string, unknown> & FeedPage {
  const { type, location, after, seq, at, entries, keyId } = json;
  return (
    type === "revocations" &&
    typeof location === "string" &&
    [after, seq, at].every(natural) &&
    typeof keyId === "string" &&
    /^[0-9a-f]{16}$/.test(keyId) &&
    Array.isArray(entries) &&
    entries.length <= MAX_ENTRIES &&
    entries.every(isEntry)
  );
}

function isEntry(json: unknown): json is FeedEntry {
  const { seq, node, endsAt } = Object(json) as Record<string, unknown>;
  return (
    natural(seq) &&
    typeof node === "string" &&
    /^[0-9a-f]{32}$/.test(node) &&
    (endsAt === undefined || natural(endsAt))
  );
}
