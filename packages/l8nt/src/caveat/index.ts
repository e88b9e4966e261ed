/** The caveat language: what the other floors use of it. */
export type { Access } from "./access.ts";
export {
  CaveatChain,
  type CaveatText,
  type ChainLimit,
  countersOf,
  type Node,
  refusal,
} from "./chain.ts";
export type { Denial } from "./condition.ts";
export type { Duration } from "./duration.ts";
export { durationSeconds } from "./duration.ts";
export { matchesEndpoint, matchesOrigin, readEndpoint, readEndpoints } from "./endpoint.ts";
export { formatUnixSeconds } from "./integer.ts";
export { formatWindow } from "./limits.ts";
export { checkCaveats, compileScope, type Scope } from "./scope.ts";
export {
  formatOrigin,
  type Origin,
  readOrigin,
  sameOrigin,
  type Target,
  targetAt,
  targetOfUrl,
} from "./target.ts";
export { serviceVocabulary, treasuryVocabulary, type Vocabulary } from "./vocabulary.ts";
export { widenings } from "./wider.ts";
