/**
 * `sigil treasury child`: the treasury of a client with a wallet, for a program in another
 * language. That program starts it, and it ends with that program.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client, DEFAULT_LIMITS, type Scope } from "l8nt";
import { serve } from "l8nt/node";
import { treasuryApi } from "l8nt/treasury";
import type { Arguments } from "../arguments.ts";
import { EXIT, UsageError } from "../exit.ts";
import { withoutSecrets } from "../secrecy.ts";
import type { Terminal } from "../terminal.ts";

const SOCKET = "treasury.sock";
/** What the path of a Unix socket may have: 104 with the zero at its end on macOS, 108 on Linux. */
const MAX_SOCKET_BYTES = 103;

/** Requests of a program that is gone are waited for this long. */
const PATIENCE_MS = 500;

interface Minting {
  mint(scope: Scope): { toString(): string };
}

/**
 * Serves on a socket of its own until stdin ends, and answers each line of stdin with a credential:
 * on a pipe, because other users see arguments.
 */
export async function child(_given: Arguments, terminal: Terminal): Promise<number> {
  // The program that started it says why it ended, to somebody who may not see stderr.
  const told = (error: unknown) => print(terminal, { ended: withoutSecrets(messageOf(error)) });
  process.once("uncaughtExceptionMonitor", told);
  try {
    return await served(terminal);
  } catch (error) {
    told(error);
    throw error;
  } finally {
    process.off("uncaughtExceptionMonitor", told);
  }
}

const print = (terminal: Terminal, document: object) =>
  terminal.stdout.write(`${JSON.stringify(document)}\n`);

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function served(terminal: Terminal): Promise<number> {
  const { SIGIL_WALLET: wallet, XDG_RUNTIME_DIR: runtime } = terminal.env;
  if (!wallet) throw new UsageError("Missing wallet. Set SIGIL_WALLET to its URL.");
  if (process.platform === "win32")
    throw new UsageError(
      "sigil treasury child listens on a Unix socket for one user, which Windows does not have. Use sigil treasury init and start, and give the agent its SIGIL_CREDENTIAL.",
    );
  const { treasury } = new Client({ wallet, holderKey: undefined });
  if (treasury === undefined) throw new TypeError("a client with a wallet has no treasury");
  const core = await treasury.open();
  const folder = socketFolder([tmpdir(), runtime, "/tmp"]);
  try {
    const socket = join(folder, SOCKET);
    const server = await serve(treasuryApi(treasury), { socket, origin: treasury.location });
    const lines = createInterface({ input: terminal.stdin });
    terminal.onStop(() => lines.close());
    print(terminal, { socket, location: treasury.location });
    for await (const line of lines) if (line !== "") print(terminal, answerTo(line, core));
    // The wallet may keep a connection open that nobody waits for any more.
    setTimeout(() => process.exit(EXIT.ok), PATIENCE_MS).unref();
    await Promise.race([
      server.close(),
      new Promise((end) => setTimeout(end, PATIENCE_MS).unref()),
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return EXIT.ok;
}

/** A new folder in the first of these folders that is there and leaves room for a socket's path. */
function socketFolder(parents: readonly (string | undefined)[]): string {
  for (const parent of parents) {
    if (!parent || Buffer.byteLength(join(parent, "sigil-XXXXXX", SOCKET)) > MAX_SOCKET_BYTES)
      continue;
    try {
      // Made with mode 700.
      return mkdtempSync(join(parent, "sigil-"));
    } catch {
      // It is not there, or cannot be written.
    }
  }
  throw new UsageError(
    "No folder for the socket of sigil treasury child: those of TMPDIR and XDG_RUNTIME_DIR, and /tmp, are missing, cannot be written, or have a path that is too long for a socket. Set TMPDIR to a folder with a path of at most 70 bytes.",
  );
}

interface Question {
  readonly scope?: Scope;
  /** Repeated in the answer, so that a program which gave up waiting takes it for no other one. */
  readonly id?: unknown;
}

/** `{}` or `{"scope":{…}}` is answered with a credential, or with what is wrong with the scope. */
export function answerTo(line: string, treasury: Minting): object {
  let id: unknown;
  try {
    const question = JSON.parse(line) as Question;
    id = question.id;
    const { scope = DEFAULT_LIMITS } = question;
    return { id, credential: treasury.mint(withDates(scope)).toString() };
  } catch (error) {
    return { id, error: (error as Error).message };
  }
}

/** JSON has no dates: they are Unix seconds there. */
function withDates({ expiresAt, validFrom, ...scope }: Scope): Scope {
  const date = (seconds: unknown) => new Date(Number(seconds) * 1000);
  return {
    ...scope,
    ...(expiresAt !== undefined && { expiresAt: date(expiresAt) }),
    ...(validFrom !== undefined && { validFrom: date(validFrom) }),
  };
}
