/**
 * Credentials and secrets, from where they need not stand in the process list: stdin, a file, the
 * environment.
 */
import { fstatSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Credential, TokenError } from "l8nt";
import type { Arguments, Flag } from "./arguments.ts";
import { UsageError } from "./exit.ts";
import type { Terminal } from "./terminal.ts";

const MAX_BYTES = 65_536;

export const CREDENTIAL_FLAGS = {
  credential: { value: "-", help: "read the credential from stdin (SIGIL_CREDENTIAL otherwise)" },
  "credential-file": { value: "FILE", help: "read the credential from a file" },
} as const satisfies Record<string, Flag>;

export const SECRET_FLAGS = {
  "secret-file": { value: "FILE", help: "read the secret from a file (SIGIL_SECRET otherwise)" },
} as const satisfies Record<string, Flag>;

type CredentialFlag = keyof typeof CREDENTIAL_FLAGS;

/**
 * The text of one credential or several: a flag's, `SIGIL_CREDENTIAL`, or, with `pipe`, what is
 * piped in. Undefined where there is none.
 */
export async function credentialText(
  given: Arguments<CredentialFlag>,
  terminal: Terminal,
  { pipe }: { readonly pipe: boolean },
): Promise<string | undefined> {
  const dash = given.text("credential");
  const file = given.text("credential-file");
  if (dash !== undefined && file !== undefined)
    throw new UsageError("Give --credential - or --credential-file, not both.");
  if (dash !== undefined && dash !== "-")
    throw new UsageError(
      "A credential as an argument would stand in the process list. Pipe it in with --credential -, or use --credential-file or SIGIL_CREDENTIAL.",
    );
  if (dash === "-") return readStdin(terminal);
  if (file !== undefined) return readText(file, "--credential-file");
  const { SIGIL_CREDENTIAL: fromEnvironment } = terminal.env;
  if (fromEnvironment) {
    if (pipe && isPipedInto(terminal))
      terminal.note(
        "sigil: the credential is SIGIL_CREDENTIAL's; write --credential - to read stdin instead",
      );
    return fromEnvironment;
  }
  return pipe && !terminal.stdin.isTTY ? readStdin(terminal) : undefined;
}

/** Exactly one. @throws TokenError, UsageError */
export function oneCredential(text: string | undefined): Credential {
  const [first, ...others] = readCredentials(text ?? "");
  if (first === undefined)
    throw new TokenError(
      "ERR_TOKEN_MISSING",
      "There is no credential. Set SIGIL_CREDENTIAL, or pipe one in with --credential -.",
    );
  if (others.length > 0)
    throw new UsageError(
      `There are ${others.length + 1} credentials; this command takes one at a time.`,
    );
  return first;
}

/**
 * All of them, separated by white space. @throws TokenError, which says what often goes wrong in
 * copying one
 */
export function readCredentials(text: string): readonly Credential[] {
  const parts = text.split(/\s+/).filter((part) => part !== "");
  const slip = SLIPS.find(([form]) => form.test(text.trimStart()))?.[1];
  try {
    // A scheme is a word of its own, and no credential: the first part is what cannot be read.
    return parts.map(Credential.parse);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const message = `${error.message} It may have been cut, quoted or pasted twice.`;
    throw new TokenError(error.code, slip === undefined ? message : `${message} ${slip}`, {
      cause: error,
    });
  }
}

const SLIPS: readonly (readonly [form: RegExp, slip: string])[] = [
  [/^["'`“”‘’]/, "It begins with a quote: leave the quotes off."],
  [
    /^(?:authorization:\s*)?(?:L402|LSAT)\s/i,
    "It begins with a scheme, which belongs to the header field: leave that off.",
  ],
];

/** @throws UsageError */
export async function secretText(
  given: Arguments<"secret-file">,
  terminal: Terminal,
): Promise<string> {
  const file = given.text("secret-file");
  const text =
    file === undefined ? terminal.env.SIGIL_SECRET : await readText(file, "--secret-file");
  if (!text?.trim())
    throw new UsageError(
      "There is no secret. Set SIGIL_SECRET, or give --secret-file FILE; `sigil mint --new-secret` makes one.",
    );
  return text.trim();
}

export async function readStdin({ stdin }: Terminal): Promise<string> {
  return (await readBytes(stdin, MAX_BYTES)).toString("utf8").trim();
}

/** @throws UsageError past `max` bytes */
export async function readBytes(stream: NodeJS.ReadableStream, max: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length > max) throw new UsageError(`Stdin has more than ${max} bytes.`);
  }
  return Buffer.concat(chunks);
}

async function readText(path: string, flag: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    if (bytes.length <= MAX_BYTES) return bytes.toString("utf8").trim();
  } catch {
    throw new UsageError(`The file of ${flag} cannot be read.`);
  }
  throw new UsageError(`The file of ${flag} has more than ${MAX_BYTES} bytes.`);
}

/**
 * A shell's pipe or redirection; not a terminal, /dev/null, or the socket that a program starts
 * another with.
 */
function isPipedInto({ stdin }: Terminal): boolean {
  try {
    const stat = fstatSync(stdin.fd!);
    return stat.isFIFO() || (stat.isFile() && stat.size > 0);
  } catch {
    return false;
  }
}
