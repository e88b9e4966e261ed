/** Reads a secret from where a configuration says that it is: `env:`, `file:` or `cmd:`. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { UsageError } from "../../exit.ts";
import { type OutputOptions, outputOf, splitCommand } from "./output.ts";
import { Secret } from "./secret.ts";

/** More is no key, and no header field that servers take. */
const MAX_BYTES = 8192;
/** Printable ASCII, with spaces inside alone (RFC 9110 §5.5). */
const VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

export interface SecretOptions extends OutputOptions {
  /** What messages call the reference, such as `vendors.openai.key`. @default "The key" */
  readonly what?: string;
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

type Reader = (where: string, what: string, options: SecretOptions) => Promise<string>;

const READERS: Readonly<Record<string, Reader>> = {
  env: fromEnvironment,
  file: fromFile,
  cmd: fromCommand,
};

/**
 * Reads `env:NAME`, `file:/path` (mode 0600, owned by this user) or `cmd:program arguments` (no
 * shell; what it prints is the key). One line break at the end is dropped.
 *
 * @throws UsageError that shows neither the key nor the reference, which may be a key by mistake
 */
export async function readSecret(reference: string, options: SecretOptions = {}): Promise<Secret> {
  const { what = "The key" } = options;
  const colon = reference.indexOf(":");
  const form = reference.slice(0, Math.max(0, colon));
  const reader = Object.hasOwn(READERS, form) ? READERS[form] : undefined;
  if (reader === undefined)
    throw new UsageError(
      `${what} must say where the key is, and not be the key itself: env:NAME, file:/path, or cmd:program arguments.`,
    );
  const value = (await reader(reference.slice(colon + 1), what, options)).replace(/\r?\n$/, "");
  if (value === "") throw new UsageError(`${what}: the key is empty.`);
  if (Buffer.byteLength(value) > MAX_BYTES)
    throw new UsageError(`${what}: the key is longer than ${MAX_BYTES} bytes.`);
  if (!VALUE.test(value))
    throw new UsageError(
      `${what}: the key has a character that cannot stand in a header field: a line break, a control character, a space at an end, or one outside of ASCII.`,
    );
  return new Secret(value);
}

async function fromEnvironment(
  name: string,
  what: string,
  { env = process.env }: SecretOptions,
): Promise<string> {
  const value = /^[A-Za-z_]\w*$/.test(name) && Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined)
    throw new UsageError(
      `${what}: the environment variable ${VARIABLE.test(name) ? name : "that it names"} is not set. Set it before the gateway starts.`,
    );
  return value;
}

/** Words that are too short to be a key which was written in the place of a name. */
const VARIABLE = /^(?=.{1,64}$)[A-Z][A-Z0-9]{0,15}(?:_[A-Z0-9]{1,15})*$/;

async function fromFile(path: string, what: string): Promise<string> {
  if (process.getuid === undefined)
    throw new UsageError(
      `${what}: file: needs file modes, which this system does not have. Use env: instead.`,
    );
  if (!isAbsolute(path)) throw new UsageError(`${what}: file: needs an absolute path.`);
  let file: FileHandle;
  try {
    // Without O_NONBLOCK the opening of a pipe waits for its writer, forever perhaps.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new UsageError(
      `${what}: the file that it names cannot be read (${codeOf(error)}). Check the path, and that the gateway's user owns it.`,
    );
  }
  try {
    // Of the open file, so that what is judged is what is read.
    const stats = await file.stat();
    if (!stats.isFile())
      throw new UsageError(`${what}: the file that it names is no regular file.`);
    if (stats.uid !== process.getuid())
      throw new UsageError(
        `${what}: the file that it names belongs to another user. Give it to the gateway's user with chown.`,
      );
    if ((stats.mode & 0o077) !== 0)
      throw new UsageError(
        `${what}: others may use the file that it names. Take that from them with chmod 600.`,
      );
    if (stats.size > MAX_BYTES + 2)
      throw new UsageError(`${what}: the file that it names is longer than ${MAX_BYTES} bytes.`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES + 3), 0);
    return buffer.subarray(0, bytesRead).toString("utf8");
  } finally {
    await file.close();
  }
}

async function fromCommand(command: string, what: string, options: SecretOptions): Promise<string> {
  const words = splitCommand(command);
  if (words === undefined)
    throw new UsageError(
      `${what}: cmd: needs a program and its arguments, separated by spaces, with "double quotes" around one that has spaces. No shell reads them.`,
    );
  return outputOf(words, what, MAX_BYTES + 2, options);
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "unknown";
