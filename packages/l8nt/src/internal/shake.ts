/** SHAKE256 (FIPS 202) of `node:crypto`: a page, which folds no journal, loads no code for it. */

export type Shake = (message: Uint8Array, length: number) => Uint8Array;

type NodeCrypto = typeof import("node:crypto");

const platform = (
  globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
).process?.getBuiltinModule?.("node:crypto") as NodeCrypto | undefined;

/** Not every runtime with a `node:crypto` has it. */
function hasShake({ createHash }: NodeCrypto): boolean {
  try {
    return createHash("shake256", { outputLength: 4 }).digest().length === 4;
  } catch {
    return false;
  }
}

export const platformShake: Shake | undefined =
  platform !== undefined && hasShake(platform)
    ? (message, outputLength) =>
        platform.createHash("shake256", { outputLength }).update(message).digest()
    : undefined;
