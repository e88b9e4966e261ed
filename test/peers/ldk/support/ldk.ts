/**
 * The Lightning Dev Kit, started: its Wasm once a process, and the few shapes that its bindings
 * share.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as ldk from "lightningdevkit";

const folder = dirname(createRequire(import.meta.url).resolve("lightningdevkit"));
await ldk.initializeWasmFromBinary(readFileSync(join(folder, "liblightningjs.wasm")));

export { ldk };

/**
 * What a `Result_…` of the bindings holds. Their types name it on the `_OK` class only. @throws
 * Error that says what failed
 */
export function unwrap<Value>(result: { is_ok(): boolean }, what: string): Value {
  if (!result.is_ok()) throw new Error(`LDK refused: ${what}`);
  return (result as unknown as { res: Value }).res;
}

/** What an `Option_…` of the bindings holds; undefined for none. */
export function someOf<Value>(option: object): Value | undefined {
  return (option as { some?: Value }).some;
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
