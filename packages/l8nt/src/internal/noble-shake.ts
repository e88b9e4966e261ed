/** SHAKE256 (FIPS 202): of `node:crypto` if it has it, else of `@noble/hashes`. */
import { shake256 as nobleShake256 } from "@noble/hashes/sha3.js";
import { platformShake, type Shake } from "./shake.ts";

export const shake256: Shake =
  platformShake ?? ((message, dkLen) => nobleShake256(message, { dkLen }));
