/**
 * The curve of Ed25519 alone: who imports all of `@noble/curves/ed25519.js` at run time loads the
 * other curves of that file too.
 */
export { ed25519 } from "@noble/curves/ed25519.js";
