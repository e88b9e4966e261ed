/** Credentials of any form: what their holders do with them, and what a verifier proves. */
export type { Body, Places } from "./body.ts";
export {
  type AttenuateOptions,
  Credential,
  unverifiedChain,
} from "./credential.ts";
export { isPresentedAlone, onlyAt, presentedAt } from "./presented-at.ts";
export { ProvenTexts } from "./proven-texts.ts";
export {
  type ProvenNode,
  type Revocation,
  RevocationList,
  type RevocationListOptions,
  type RevokedPlace,
} from "./revocations.ts";
export { SeenOnce } from "./seen.ts";
export { Verified, type VerifierFacts } from "./verified.ts";
export type { Verifier } from "./verifier.ts";
