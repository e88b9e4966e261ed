/** The feed of revocations: a request for a page, and the page. spec/7-revocation-feed.md. */
import {
  codecOf,
  count,
  list,
  nodeId,
  object,
  oneOf,
  optional,
  pattern,
  readLeniently,
  readStrictly,
  type TypeOf,
  text,
} from "./codec.ts";
import { message, queryOf } from "./message.ts";
import { REVOCATIONS_PATH } from "./revocation.ts";

/** The content type of a stream of pages, a page a line. */
export const NDJSON = "application/x-ndjson";

/** The most entries of one page. */
export const MAX_ENTRIES = 1000;
/** The most nodes above another: a credential has at most 64 caveats. */
const MAX_ABOVE = 64;

export interface FeedEntry {
  readonly seq: number;
  /** The node that was revoked, with everything below it. */
  readonly node: string;
  /** Unix seconds after which nothing below it can be valid; absent if that is not known. */
  readonly endsAt?: number;
  /** The nodes above it, root first; absent if they are not known. */
  readonly above?: readonly string[];
}

export interface FeedPage {
  /** Keeps the signature from being taken for one of a receipt, should the two share a key. */
  readonly type: "revocations";
  /** The location of the authority whose nodes these are. */
  readonly location: string;
  /** The page holds what is newer than this number … */
  readonly after: number;
  /** … up to this one. */
  readonly seq: number;
  /** Whole Unix seconds at which the page was signed. */
  readonly at: number;
  readonly entries: readonly FeedEntry[];
  readonly keyId: string;
}

export type SignedPage = FeedPage & { readonly signature: string };

const entry = codecOf<FeedEntry>()(
  object({
    seq: count(),
    node: nodeId,
    endsAt: optional(count()),
    above: optional(list(nodeId, MAX_ABOVE)),
  }),
);

const page = codecOf<SignedPage>()(
  object({
    type: oneOf("revocations"),
    location: text,
    after: count(),
    seq: count(),
    at: count(),
    entries: list(entry, MAX_ENTRIES),
    keyId: pattern(/^[0-9a-f]{16}$/, "be 16 hex digits, in lower case"),
    signature: pattern(/^[0-9a-f]{128}$/, "be 128 hex digits, in lower case"),
  }),
);

const query = object({ after: optional(count()), wait: optional(count()) });
type Asked = TypeOf<typeof query>;

export const revocationPages = message({
  name: "revocation feed",
  method: "GET",
  path: REVOCATIONS_PATH,
  summary: "A signed page of what was revoked after a number",
  audience: "none",
  query,
  answer: page,
});

/**
 * `wait` is in seconds. Other parameters are ignored, because proxies add some.
 *
 * @throws AdapterError `ERR_REQUEST`
 */
export function readFeedQuery({ searchParams }: URL): Required<Asked> {
  const known = new URLSearchParams(
    [...searchParams].filter(([name]) => name === "after" || name === "wait"),
  );
  return { after: 0, wait: 0, ...readStrictly(query, queryOf(known, query), "query of the feed") };
}

/** The URL of a page of the feed that is published at `feed`. */
export function feedUrl(feed: string, asked: Asked): URL {
  const url = new URL(feed);
  url.search = new URLSearchParams(
    Object.entries(asked).map(([name, value]) => [name, String(value)]),
  ).toString();
  return url;
}

/**
 * Checks the form of a page. The signature is over the whole of what was sent, unknown fields
 * included.
 *
 * @throws AdapterError
 */
export const readFeedPage = (json: unknown): SignedPage => readLeniently(page, json, "page");
