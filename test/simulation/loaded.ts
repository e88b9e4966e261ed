/**
 * Loads what the library loads at its first use, and signs once. Loading takes real turns of the
 * event loop, and the curves draw random bytes when they are loaded and at their first signature:
 * the first world of a process would go another way than the same world later.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ed25519 } from "@noble/curves/ed25519.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";

const SOURCE = join(import.meta.dirname, "../../packages/l8nt/src");
const FOLDERS = ["client", "wire", "treasury", "receipt", "invoice"];

for (const folder of FOLDERS)
  for (const name of readdirSync(join(SOURCE, folder)))
    if (/^[^.]+\.ts$/.test(name)) await import(join(SOURCE, folder, name));

const bytes = new Uint8Array(32).fill(1);
ed25519.sign(bytes, bytes);
secp256k1.sign(bytes, bytes);
