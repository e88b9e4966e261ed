/**
 * Runs in every test worker. Writes what child processes print to `SIGIL_TEST_OUTPUT`, one log a
 * test file, because a test that pipes a child's output keeps it to itself, and the canary reads
 * everything.
 */
import childProcess, { type ChildProcess, type SpawnSyncReturns } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { appendFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join, relative } from "node:path";
import type { Readable } from "node:stream";
import { expect } from "vitest";

const folder = process.env.SIGIL_TEST_OUTPUT;
// A worker may run several files, and this file is evaluated for each of them.
const once = globalThis as { sigilCanary?: true };

if (folder !== undefined && once.sigilCanary === undefined) {
  once.sigilCanary = true;

  const record = (chunk: unknown): void => {
    if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) return;
    const path = expect.getState().testPath ?? "unknown";
    appendFileSync(
      join(folder, `${relative(process.cwd(), path).replaceAll(/[^\w.-]+/g, "__")}.log`),
      chunk,
    );
  };

  // `push` is watched instead of "data" listened to: a listener would start the flow before the
  // test is ready to read.
  const watch = (stream: Readable | null): void => {
    if (stream === null) return;
    const push = stream.push;
    stream.push = (chunk, encoding) => {
      record(chunk);
      return push.call(stream, chunk, encoding);
    };
  };
  subscribe("child_process", (message) => {
    const child = (message as { process: ChildProcess }).process;
    child.once("spawn", () => {
      watch(child.stdout);
      watch(child.stderr);
    });
  });

  const sync = childProcess as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of ["spawnSync", "execFileSync", "execSync"]) {
    const original = sync[name]!;
    sync[name] = (...args) => {
      let result: unknown;
      try {
        result = original.apply(childProcess, args);
      } catch (error) {
        // A bad exit is thrown, with the output in it.
        result = error;
        throw error;
      } finally {
        record(result);
        record((result as Partial<SpawnSyncReturns<unknown>> | null)?.stdout);
        record((result as Partial<SpawnSyncReturns<unknown>> | null)?.stderr);
      }
      return result;
    };
  }
  syncBuiltinESMExports();
}
