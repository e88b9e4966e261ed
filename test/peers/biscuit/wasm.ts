/** The judgement of biscuit-wasm, which is the Rust library. */
import {
  AuthorizerBuilder,
  Biscuit,
  PrivateKey,
  PublicKey,
  SignatureAlgorithm,
} from "@biscuit-auth/biscuit-wasm";
import { type Given, PUBLIC_KEY } from "./world.ts";

const root = PublicKey.fromString(PUBLIC_KEY, SignatureAlgorithm.Ed25519);

/**
 * Stops the clock that the library reads: it gives the evaluation a millisecond, which a busy
 * machine exceeds, and takes no other limit through this binding.
 */
function withoutTime<Result>(work: () => Result): Result {
  const { now } = performance;
  performance.now = () => 0;
  try {
    return work();
  } finally {
    performance.now = now;
  }
}

/** Whether it authorizes with these facts. Throws unless a check alone was against it. */
export function authorized(token: Uint8Array, facts: readonly Given[]): boolean {
  const biscuit = Biscuit.fromBytes(token, root);
  const builder = new AuthorizerBuilder();
  for (const { code, values } of facts) builder.addCodeWithParameters(`${code};`, values, {});
  builder.addCode("allow if true;");
  const authorizer = builder.buildAuthenticated(biscuit);
  try {
    withoutTime(() => authorizer.authorize());
    return true;
  } catch (error) {
    if (typeof error === "object" && error !== null && "FailedLogic" in error) return false;
    throw new Error(JSON.stringify(error));
  } finally {
    authorizer.free();
    biscuit.free();
  }
}

/** The token with one more block. */
export function append(token: Uint8Array, parts: readonly Given[]): Uint8Array {
  const builder = Biscuit.block_builder();
  for (const { code, values } of parts) builder.addCodeWithParameters(`${code};`, values, {});
  return Biscuit.fromBytes(token, root).appendBlock(builder).toBytes();
}

/** A new token with this first block. */
export function mint(privateKey: string, parts: readonly Given[]): Uint8Array {
  const builder = Biscuit.builder();
  for (const { code, values } of parts) builder.addCodeWithParameters(`${code};`, values, {});
  const bytes = Buffer.from(privateKey, "hex");
  return builder.build(PrivateKey.fromBytes(bytes, SignatureAlgorithm.Ed25519)).toBytes();
}
