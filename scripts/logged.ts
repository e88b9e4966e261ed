/**
 * Programs of a test run: what they print is shown with credentials blotted out, and kept as it was
 * for the canary.
 */
import { spawn } from "node:child_process";
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { findLeaks, redact } from "./canary.ts";
import type { Command } from "./node20.ts";

/** What a part of a run came to. */
export interface Part {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Runs a program to its end and returns its exit code. `log` gets every line of its output. */
export async function runLogged(
  { file, args, env }: Command,
  { log, cwd }: { readonly log: string; readonly cwd: string },
): Promise<number> {
  writeFileSync(log, "");
  const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  for (const [stream, shown] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const)
    createInterface({ input: stream }).on("line", (line) => {
      appendFileSync(log, `${line}\n`);
      shown.write(`${redact(line)}\n`);
    });
  return new Promise<number>((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done(code ?? 1));
  });
}

/** Searches the logs and reports of a run for whole credentials; each is a failure. */
export function canary(output: string, root: string): Part {
  let failed = 0;
  for (const entry of readdirSync(output, { recursive: true, encoding: "utf8" })) {
    if (!/\.(?:log|json|xml)$/.test(entry)) continue;
    for (const { line, file } of findLeaks(readFileSync(join(output, entry), "utf8"))) {
      failed++;
      const from = entry.includes("-children")
        ? `a child process of ${entry
            .replace(/^.*[/\\]/, "")
            .replace(/\.log$/, "")
            .replaceAll("__", "/")}`
        : (file ?? "an unknown test");
      console.error(
        `canary: a whole credential was printed by ${from} (${relative(root, join(output, entry))}:${line})`,
      );
    }
  }
  return { name: "canary", passed: failed === 0 ? 1 : 0, failed, skipped: 0 };
}

/** Prints what each part came to, and `N passed, N failed` last. Returns whether nothing failed. */
export function printParts(parts: readonly Part[]): boolean {
  const sum = (key: "passed" | "failed") => parts.reduce((total, part) => total + part[key], 0);
  console.log("");
  for (const { name, passed, failed, skipped } of parts)
    console.log(
      `${name}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`,
    );
  console.log(`\n${sum("passed")} passed, ${sum("failed")} failed`);
  return sum("failed") === 0;
}
