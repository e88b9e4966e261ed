/** What a program prints, bounded in time and length, for `cmd:` secrets. */
import { spawn } from "node:child_process";
import { UsageError } from "../../exit.ts";

export interface OutputOptions {
  /** How long the program may run. @default 10_000 */
  readonly timeoutMs?: number;
  /** Calls back after that time, and returns a function that stops it. @default setTimeout */
  readonly timer?: (ms: number, callback: () => void) => () => void;
}

const TIMEOUT_MS = 10_000;

const realTimer = (ms: number, callback: () => void): (() => void) => {
  const handle = setTimeout(callback, ms);
  return () => clearTimeout(handle);
};

/**
 * The words of a command: separated by spaces, with double quotes around one that has spaces. A
 * backslash, `$` or `;` is a character like any other. Undefined if there is no program.
 */
export function splitCommand(command: string): readonly [string, ...string[]] | undefined {
  const form = /^(?: *(?:"[^"]*"|[^" ]+)(?= |$))+ *$/;
  if (!form.test(command) || command.includes("\0")) return undefined;
  const [program, ...words] = (command.match(/"[^"]*"|[^" ]+/g) ?? []).map((word) =>
    word.replaceAll('"', ""),
  );
  return program ? [program, ...words] : undefined;
}

/**
 * Runs a program without a shell, and returns its stdout. It has no stdin, and its stderr is
 * dropped, because it may repeat the secret.
 *
 * @throws UsageError if it fails, is too slow or prints too much. It shows nothing that was printed
 */
export function outputOf(
  [program, ...words]: readonly [string, ...string[]],
  what: string,
  maxBytes: number,
  { timeoutMs = TIMEOUT_MS, timer = realTimer }: OutputOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    // In a group of its own, so that what it started ends with it.
    const child = spawn(program, words, {
      stdio: ["ignore", "pipe", "ignore"],
      shell: false,
      detached: true,
    });
    const chunks: Buffer[] = [];
    let length = 0;
    let isOver = false;
    const end = (problem: string): void => {
      if (isOver) return;
      isOver = true;
      stopTimer();
      // A grandchild may hold the pipe open: nobody waits for it.
      child.stdout.destroy();
      endGroup(child.pid);
      reject(new UsageError(`${what}: the program of cmd: ${problem}`));
    };
    const stopTimer = timer(timeoutMs, () =>
      end(`has not ended within ${timeoutMs / 1000} seconds, and was stopped.`),
    );
    child.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) end(`printed more than ${maxBytes} bytes, which is no key.`);
    });
    // A code only: the message has the program's words in it.
    child.on("error", (error: NodeJS.ErrnoException) =>
      end(`cannot be run (${error.code ?? "unknown"}).`),
    );
    child.on("close", (status, signal) => {
      if (status !== 0)
        return end(
          status === null
            ? `was ended by ${signal}.`
            : `ended with status ${status}. Run it by hand to see why.`,
        );
      stopTimer();
      resolve(Buffer.concat(chunks).toString("utf8"));
    });
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
