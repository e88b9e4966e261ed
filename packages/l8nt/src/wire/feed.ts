/** The feed of revocations: a request for a page. spec/7-revocation-feed.md §2. */
import { count, object, optional, readLeniently, type TypeOf } from "./codec.ts";
import { message, queryOf } from "./message.ts";
import { REVOCATIONS_PATH } from "./revocation.ts";

/** The content type of a stream of pages, a page a line. */
export const NDJSON = "application/x-ndjson";

const query = object({ after: optional(count()), wait: optional(count()) });

export const revocationPages = message({
  name: "revocation feed",
  method: "GET",
  path: REVOCATIONS_PATH,
  summary: "A signed page of what was revoked after a number",
  audience: "none",
  query,
});

/** `wait` is in seconds. @throws AdapterError `ERR_REQUEST` */
export function readFeedQuery({ searchParams }: URL): Required<TypeOf<typeof query>> {
  const asked = readLeniently(query, queryOf(searchParams, query), "query of revocation feed");
  return { after: 0, wait: 0, ...asked };
}

/** The URL of a page, at a feed wherever it is published. */
export function feedUrl(feed: string, asked: TypeOf<typeof query>): URL {
  const url = new URL(feed);
  url.search = new URLSearchParams(
    Object.entries(asked).map(([name, value]) => [name, String(value)]),
  ).toString();
  return url;
}
