/**
 * Reads credentials and secrets from stdin, a file or the environment. They are never arguments,
 * which other users can see in the list of processes.
 */
import { fstatSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Credential, TokenError } from "l8nt";
import type { Arguments, Flag } from "./arguments.ts";
import { UsageError } from "./exit.ts";
import type { Terminal } from "./terminal.ts";

const MAX_BYTES = 65_536;

export const CREDENTIAL_FLAGS = {
  credential: { value: "-", help: "read the credential from stdin instead of SIGIL_CREDENTIAL" },
  "credential-file": { value: "FILE", help: "read the credential from a file" },
} as const satisfies Record<string, Flag>;

export const SECRET_FLAGS = {
  "secret-file": { value: "FILE", help: "read the secret from a file instead of SIGIL_SECRET" },
} as const satisfies Record<string, Flag>;

type CredentialFlag = keyof typeof CREDENTIAL_FLAGS;

/**
 * The text of one or several credentials: from a flag, else from `SIGIL_CREDENTIAL`, else, with
 * `pipe`, from stdin. Undefined if none of them has a text.
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
      "Other users can see a credential in an argument. Pipe it in with --credential -, or use --credential-file or SIGIL_CREDENTIAL.",
    );
  if (dash === "-") return readStdin(terminal);
  if (file !== undefined) return readText(file, "--credential-file");
  const { SIGIL_CREDENTIAL: fromEnvironment } = terminal.env;
  if (fromEnvironment) {
    if (pipe && isPipedInto(terminal))
      terminal.note(
        "sigil: using the credential of SIGIL_CREDENTIAL; give --credential - to read stdin instead",
      );
    return fromEnvironment;
  }
  return pipe && !terminal.stdin.isTTY ? readStdin(terminal) : undefined;
}

/** Reads exactly one credential. @throws TokenError, UsageError */
export function oneCredential(text: string | undefined): Credential {
  const [first, ...others] = readCredentials(text ?? "");
  if (first === undefined)
    throw new TokenError(
      "ERR_TOKEN_MISSING",
      "Missing credential. Set SIGIL_CREDENTIAL, or pipe one in with --credential -.",
    );
  if (others.length > 0)
    throw new UsageError(`This command takes one credential, but got ${others.length + 1}.`);
  return first;
}

/**
 * Reads credentials separated by white space.
 *
 * @throws TokenError whose message names frequent mistakes in copying a credential
 */
export function readCredentials(text: string): readonly Credential[] {
  const parts = text.split(/\s+/).filter((part) => part !== "");
  const slip = SLIPS.find(([form]) => form.test(text.trimStart()))?.[1];
  try {
    // With a scheme in front, the first part is the scheme, which is not a credential.
    return parts.map(Credential.parse);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const message = `${error.message} The text may be incomplete, quoted or pasted twice.`;
    throw new TokenError(error.code, slip === undefined ? message : `${message} ${slip}`, {
      cause: error,
    });
  }
}

const SLIPS: readonly (readonly [form: RegExp, slip: string])[] = [
  [/^["'`“”‘’]/, "It begins with a quotation mark; remove the quotation marks."],
  [
    /^(?:authorization:\s*)?(?:L402|LSAT)\s/i,
    "It begins with the scheme of a header field; remove the scheme.",
  ],
];

/** The key of an agent. @throws UsageError for a `SIGIL_HOLDER_KEY` that is none */
export function holderKeyIn({ env: { SIGIL_HOLDER_KEY: text } }: Terminal): string | undefined {
  if (!text || /^[0-9a-f]{64}$/.test(text)) return text || undefined;
  throw new UsageError(
    "SIGIL_HOLDER_KEY must be 64 hex digits: the content of the file that `sigil keys holder` made.",
  );
}

/** Reads the secret of an authority. @throws UsageError */
export async function secretText(
  given: Arguments<"secret-file">,
  terminal: Terminal,
): Promise<string> {
  const file = given.text("secret-file");
  const text =
    file === undefined ? terminal.env.SIGIL_SECRET : await readText(file, "--secret-file");
  if (!text?.trim())
    throw new UsageError(
      "Missing secret. Set SIGIL_SECRET, or give --secret-file FILE; `sigil mint --new-secret` makes a secret.",
    );
  return text.trim();
}

/** Reads all of stdin as text. @throws UsageError if it is too long */
export async function readStdin({ stdin }: Terminal): Promise<string> {
  return (await readBytes(stdin, MAX_BYTES)).toString("utf8").trim();
}

/** Reads a whole stream. @throws UsageError if it has more than `max` bytes */
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

/** Reads the file of a flag. @throws UsageError */
export async function readText(path: string, flag: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    if (bytes.length <= MAX_BYTES) return bytes.toString("utf8").trim();
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new UsageError(`The file of ${flag} ${isMissing ? "is not there" : "cannot be read"}.`);
  }
  throw new UsageError(`The file of ${flag} has more than ${MAX_BYTES} bytes.`);
}

/**
 * Whether stdin is a pipe or a file with contents. It is not if it is a terminal, /dev/null, or the
 * socket that a parent process passes.
 */
function isPipedInto({ stdin }: Terminal): boolean {
  try {
    const stat = fstatSync(stdin.fd!);
    return stat.isFIFO() || (stat.isFile() && stat.size > 0);
  } catch {
    return false;
  }
}
