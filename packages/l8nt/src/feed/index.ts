/**
 * `l8nt/feed`: what was revoked, published with a signature and followed by every instance.
 * spec/7-revocation-feed.md.
 */
export type { FeedEntry, FeedPage } from "../wire/feed.ts";
export { REVOCATIONS_PATH } from "../wire/revocation.ts";
export { type Follower, type FollowOptions, followRevocations } from "./follow.ts";
export type { FeedSigner } from "./page.ts";
export { type RevocationFeedOptions, revocationFeed } from "./publisher.ts";
export {
  type FeedSourceOptions,
  feedSource,
  type RevocationSource,
} from "./source.ts";
