/** The streams, the environment and the signals of a command. */
import type { Readable, Writable } from "node:stream";
import { DeniedError, explain, SigilError } from "l8nt";
import { UsageError } from "./exit.ts";
import { printable, withoutSecrets } from "./secrecy.ts";
import { filled } from "./wrap.ts";

/** A stream that may be a terminal. */
type MaybeTerminal<Stream> = Stream & { readonly isTTY?: boolean; readonly columns?: number };

/** The streams, environment and signals of the process, or of a test. */
export interface Streams {
  readonly stdin: MaybeTerminal<Readable> & { readonly fd?: number };
  readonly stdout: MaybeTerminal<Writable>;
  readonly stderr: MaybeTerminal<Writable>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where SIGINT, SIGTERM and SIGHUP arrive. */
  readonly signals: { on(signal: NodeJS.Signals, listener: () => void): unknown };
}

/** Options of a `Terminal`; `json` is whether `--json` was given. */
export interface TerminalOptions extends Streams {
  readonly json: boolean;
}

type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

export class Terminal {
  readonly stdin: Streams["stdin"];
  readonly stdout: Streams["stdout"];
  readonly stderr: Streams["stderr"];
  readonly env: Streams["env"];
  readonly json: boolean;
  readonly #signals: Streams["signals"];

  constructor({ stdin, stdout, stderr, env, signals, json }: TerminalOptions) {
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.env = env;
    this.json = json;
    this.#signals = signals;
  }

  /**
   * Calls `stop` at each of the signals. The handlers stay: npm and the terminal may both send the
   * signal, and the second one must not end the process before it has stopped in order.
   */
  onStop(stop: () => void, signals: readonly StopSignal[] = ["SIGINT", "SIGTERM"]): void {
    for (const signal of signals) this.#signals.on(signal, stop);
  }

  /** Resolves at SIGINT or SIGTERM. */
  untilStopped(): Promise<void> {
    return new Promise((resolve) => this.onStop(resolve));
  }

  /** Whether stdout shows colours. */
  get colours(): boolean {
    return this.stdout.isTTY === true && !this.env.NO_COLOR && this.env.TERM !== "dumb";
  }

  /** The columns of stdout, if it is a terminal. */
  get columns(): number | undefined {
    return this.stdout.isTTY === true ? (this.stdout.columns ?? 80) : undefined;
  }

  /** Prints the result: text, or with `--json` the document. */
  answer(text: string, document: object): void {
    this.stdout.write(this.json ? jsonText(document) : text);
  }

  /** Prints a line on stderr; nothing with `--json`. */
  note(line: string): void {
    if (!this.json) this.stderr.write(`${line}\n`);
  }

  /** Prints an error. `beside` holds more members for the document of `--json`. */
  fail(error: unknown, beside: object = {}): void {
    if (this.json) this.stdout.write(jsonText({ ...beside, error: errorDocument(error) }));
    else this.stderr.write(this.#fitted(errorText(error)));
  }

  /** A terminal breaks long lines inside of words; a file gets each message as one line. */
  #fitted(text: string): string {
    const { isTTY, columns = 80 } = this.stderr;
    return isTTY === true ? filled(text, columns) : text;
  }
}

const jsonText = (document: object): string =>
  `${JSON.stringify(document, (_key, member) => (typeof member === "bigint" ? `${member}` : member), 2)}\n`;

function errorDocument(error: unknown): object {
  if (error instanceof SigilError) {
    const { name: _, ...members } = error.toJSON();
    return { ...members, ...("spent" in error && { spent: error.spent }) };
  }
  if (error instanceof UsageError) return { code: error.code, message: error.message };
  return {
    code: "ERR_BUG",
    message: withoutSecrets(error instanceof Error ? error.message : String(error)),
  };
}

function errorText(error: unknown): string {
  if (error instanceof DeniedError)
    return `sigil: denied (${error.code})\n${error.refusals.map((one) => `  ${printable(explain(one))}\n`).join("")}`;
  if (error instanceof SigilError) {
    const spent = "spent" in error ? `, spent: ${error.spent}` : "";
    return `sigil: ${printable(error.message)} (${error.code}${spent})\n`;
  }
  if (error instanceof UsageError) return `sigil: ${error.message}\n`;
  // A bug in sigil, so print the stack.
  return `sigil: a bug: ${withoutSecrets(error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`;
}
