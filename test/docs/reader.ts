/**
 * Follows a page as its reader does: one shell, more terminals beside it, and files in one folder.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { freePort } from "../e2e/support/free-port.ts";
import { patternOf, readSteps, type Step } from "./page.ts";

const root = resolve(import.meta.dirname, "../..");

/** The ports that pages name. Each is replaced by a free one, so that pages can run at one time. */
const PORT = /\b84\d\d\b/g;

/** The reader's own, without what a test run has set, and with the packages as TypeScript. */
function environment(): NodeJS.ProcessEnv {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(?:SIGIL_|VITEST|NODE_|npm_|TEST$)/.test(name),
    ),
  );
  return {
    ...env,
    NO_COLOR: "1",
    NODE_OPTIONS: "--conditions=l8nt-source",
    PATH: `${dirname(process.execPath)}${delimiter}${env.PATH}`,
  };
}

/** Takes every step of a page. @throws Error at the first that does not go as the page says */
export async function follow(page: string): Promise<void> {
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache/page-"));
  const started: Shell[] = [];
  const open = (): Shell => {
    const shell = new Shell(folder);
    started.push(shell);
    return shell;
  };
  try {
    const shell = open();
    for (const step of readSteps(await withFreePorts(page))) await take(step, folder, shell, open);
  } finally {
    await Promise.all(started.map((shell) => shell.end()));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function withFreePorts(page: string): Promise<string> {
  const free = new Map<string, string>();
  for (const [port] of page.matchAll(PORT))
    if (!free.has(port)) free.set(port, String(await freePort()));
  return page.replace(PORT, (port) => free.get(port)!);
}

async function take(step: Step, folder: string, shell: Shell, open: () => Shell): Promise<void> {
  if (step.kind === "file") return writeFileSync(join(folder, step.name), step.text);
  if (step.kind === "terminal") {
    const terminal = open();
    // A command that ends takes its terminal along, so that nothing waits for it.
    terminal.type(`${step.text}exit`);
    return terminal.until(patternOf(step.output ?? "", { isWhole: false }));
  }
  const { status, output } = await shell.run(step.text);
  if ((status !== 0) !== step.fails)
    throw new Error(`it ended with status ${status}:\n${step.text}\n${output}`);
  const isAsTold =
    step.output === undefined || patternOf(step.output, { isWhole: true }).test(output.trim());
  if (!isAsTold) throw new Error(`it printed something else:\n${step.text}\n${output}`);
}

/** A shell whose output is watched. */
class Shell {
  readonly #process: ChildProcess;
  readonly #closed: Promise<void>;
  #output = "";
  #changed: () => void = () => {};
  #isClosed = false;

  constructor(folder: string) {
    // A group of its own, so that what the shell started ends with it.
    this.#process = spawn("bash", ["--noprofile", "--norc"], {
      cwd: folder,
      env: environment(),
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    for (const stream of [this.#process.stdout!, this.#process.stderr!])
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        this.#changed();
      });
    this.#closed = new Promise((resolve) => {
      this.#process.once("close", () => {
        this.#isClosed = true;
        this.#changed();
        resolve();
      });
    });
    this.type("exec 2>&1");
  }

  type(text: string): void {
    this.#process.stdin!.write(`${text}\n`);
  }

  /** Resolves once what was printed matches. @throws Error if the shell ends before that */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#output)) {
      if (this.#isClosed) throw new Error(`the terminal ended; it printed:\n${this.#output}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async run(text: string): Promise<{ readonly status: number; readonly output: string }> {
    const mark = randomUUID();
    this.#output = "";
    this.type(`${text}\nprintf '\\n%s %s\\n' ${mark} $?`);
    const end = new RegExp(`\\n${mark} (\\d+)\\n`);
    await this.until(end);
    const { 1: status, index } = end.exec(this.#output)!;
    return { status: Number(status), output: this.#output.slice(0, index) };
  }

  async end(): Promise<void> {
    try {
      process.kill(-this.#process.pid!, "SIGTERM");
    } catch {
      // It has ended.
    }
    await this.#closed;
  }
}
