/**
 * A signed page of the feed: which nodes were revoked, up to which number, and when it was signed.
 * spec/7-revocation-feed.md §1.
 */
import { AdapterError } from "../errors.ts";
import { utf8 } from "../internal/bytes.ts";
import { canonical, type JcsValue } from "../receipt/jcs.ts";
import type { ReceiptKey, ReceiptSigner } from "../receipt/key.ts";
import { type FeedPage, readFeedPage, type SignedPage } from "../wire/feed.ts";

/** Signs pages. `ReceiptSigner.fromSeed` makes one. */
export type FeedSigner = Pick<ReceiptSigner, "keyId" | "publicKey" | "sign">;

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
 * Reads a page and verifies its signature. It does not check whose feed the page belongs to, nor
 * that it is the next one.
 *
 * @throws AdapterError `ERR_FEED`
 */
export function readPage(text: string, key: ReceiptKey): FeedPage {
  const json = objectOf(text);
  const { signature, ...page } = formOf(json);
  if (page.keyId !== key.keyId)
    throw notAPage(`key ${page.keyId} signed it, and key ${key.keyId} was expected`);
  const { signature: _, ...signed } = json;
  if (!key.verifies(bytesOf(signed), signature)) throw notAPage("its signature does not hold");
  return page;
}

export const notAPage = (why: string): AdapterError =>
  new AdapterError("ERR_FEED", `What the revocation feed sent is of no use: ${why}.`);

function objectOf(text: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own error quotes the text.
    throw notAPage("it is not JSON");
  }
  if (typeof json !== "object" || json === null) throw notAPage("it is not a JSON object");
  return { ...json };
}

function formOf(json: Record<string, unknown>): SignedPage {
  try {
    return readFeedPage(json);
  } catch {
    throw notAPage("its members are not of their form");
  }
}

function bytesOf(signed: Record<string, unknown>): Uint8Array {
  try {
    return utf8(canonical(signed as JcsValue));
  } catch {
    // A member that we do not know, with a fraction or a lone surrogate in it, or nested too deep.
    throw notAPage("it has no canonical text");
  }
}
