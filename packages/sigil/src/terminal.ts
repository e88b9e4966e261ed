/** Where a command reads and writes: the process's own streams and environment. */
import { DeniedError, explain, SigilError } from "l8nt";
import { UsageError } from "./exit.ts";
import { printable, withoutSecrets } from "./secrecy.ts";

export interface TerminalOptions {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly json: boolean;
}

export class Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly json: boolean;

  constructor({ stdin, stdout, stderr, env, json }: TerminalOptions) {
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.env = env;
    this.json = json;
  }

  get colours(): boolean {
    return this.stdout.isTTY === true && !this.env.NO_COLOR && this.env.TERM !== "dumb";
  }

  /** The result: text for people, or the one document of `--json`. */
  answer(text: string, document: object): void {
    this.stdout.write(this.json ? jsonText(document) : text);
  }

  /** For people alone. */
  note(line: string): void {
    if (!this.json) this.stderr.write(`${line}\n`);
  }

  /** Ends a command that could not do its work. `beside` is told in the document as well. */
  fail(error: unknown, beside: object = {}): void {
    if (this.json) this.stdout.write(jsonText({ ...beside, error: errorDocument(error) }));
    else this.stderr.write(errorText(error));
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
  // A bug of ours: here a stack helps, and nowhere else.
  return `sigil: a bug: ${withoutSecrets(error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`;
}
