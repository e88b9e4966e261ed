/** `l8nt/caveats`: scopes, the caveats that they compile to, and what caveats mean in words. */
export { nearest } from "../internal/nearest.ts";
export { boundsOf, type CompileOptions, compileScope } from "./compile.ts";
export type { Bound } from "./condition.ts";
export { namesCapabilities } from "./conditions/capabilities.ts";
export type { ScopeFlag } from "./flag.ts";
export { SCOPE_FLAGS, type ScopeKeyFlag } from "./flags.ts";
export { formatDistance, formatInstant } from "./instant.ts";
export { uncountedSpend } from "./spending.ts";
export { mayMeet } from "./wider.ts";
export { caveatWords, countedBy, formatCounted, isListed, limitWords } from "./words.ts";
