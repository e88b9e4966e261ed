/** Prefixes of paths that several messages share. */

/** What a service or a treasury says about itself, and the revocations below it. */
export const WELL_KNOWN_PATH = "/.well-known/l402";

/** The owner's part of a treasury's API. */
export const OWNER_PATH = "/v1/owner";

/** Everything in the owner's part, as a pattern of a scope's endpoints. */
export const OWNER_PATHS = `${OWNER_PATH}/**`;
