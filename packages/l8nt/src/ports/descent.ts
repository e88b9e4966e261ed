/**
 * What leads from a credential to one that descends from it: the caveats that follow its own; in
 * the public-key form the blocks, as base64, because caveats do not tell the places in them.
 */
export type Descent = readonly string[] | { readonly blocks: readonly string[] };
