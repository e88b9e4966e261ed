/** The caveat language: what the other floors use of it. */
export type { Access } from "./access.ts";
export {
  CaveatChain,
  type CaveatText,
  type ChainLimit,
  countersOf,
  limitOf,
  type Node,
  type PlaceIds,
  refusal,
} from "./chain.ts";
export {
  boundsOf,
  type CompileOptions,
  checkCaveats,
  compileScope,
  SCOPE_KEYS,
} from "./compile.ts";
export { caveatOf, type Denial, valueIn } from "./condition.ts";
export { agentNameOf, agentUnknown } from "./conditions/agent.ts";
export { endpoints } from "./conditions/endpoints.ts";
export { holder } from "./conditions/holder.ts";
export { ledger } from "./conditions/ledger.ts";
export { preimage } from "./conditions/preimage.ts";
export { countedPrice, soldPriceCaveat } from "./conditions/sold-price.ts";
export type { Duration } from "./duration.ts";
export { durationSeconds } from "./duration.ts";
export { matchesEndpoint, readEndpoint } from "./endpoint.ts";
export {
  handOverCaveats,
  handOverNode,
  nodesAt,
  opensNodes,
  type RelayCaveats,
  relayCaveats,
} from "./hand-over.ts";
export { formatUnixSeconds } from "./integer.ts";
export type { Amounts, Scope } from "./scope.ts";
export { uncountedSpend, withUncounted } from "./spending.ts";
export {
  type Base,
  formatOrigin,
  type Origin,
  readBase,
  readOrigin,
  sameOrigin,
  type Target,
  targetAt,
  targetOfUrl,
} from "./target.ts";
export { serviceVocabulary, treasuryVocabulary, type Vocabulary } from "./vocabulary.ts";
export { widenings } from "./wider.ts";
export { formatWindow } from "./window.ts";
export { formatCounted } from "./words.ts";
