/**
 * The environment of a child process: only `PATH`, and the cache of modules that Node compiled for
 * earlier children.
 */
import { join } from "node:path";

/** A process that finds everything in it starts twice as fast. */
const COMPILED = join(import.meta.dirname, "../../../.cache/compile");

export const childEnv = (env: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  PATH: process.env.PATH!,
  NODE_COMPILE_CACHE: COMPILED,
  ...env,
});
