/** Starts an MCP server on stdio and passes its messages through a gate until either side ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { EXIT, UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import type { Gate, Passage } from "./gate.ts";
import { eachLine, LineTooLong, MAX_LINE_BYTES, writeLine } from "./lines.ts";

export interface ProxyOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly gate: Gate;
}

/** Time that the server has to exit after the end of its stdin, and again after SIGTERM. */
const GRACE_MS = 2000;
/** Keeps a server that writes endless invalid lines from flooding stderr. */
const MAX_NOTES = 20;

/** Runs the proxy and returns the exit code. @throws UsageError if the command cannot be started */
export async function proxy(
  { command, args, env, gate }: ProxyOptions,
  terminal: Terminal,
): Promise<number> {
  const { stdin, stdout, stderr } = terminal;
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "inherit"] });
  const exited = exitOf(child);
  const killed = () => void child.kill("SIGKILL");
  process.on("exit", killed);
  // EPIPE after the server has ended; its exit is handled below.
  child.stdin.on("error", () => {});
  let notes = 0;
  const note = (text: string) => {
    if (notes++ < MAX_NOTES) stderr.write(`sigil: ${text}\n`);
  };
  const pass = async ({ onward, answer, note: text }: Passage, to: NodeJS.WritableStream) => {
    if (text !== undefined) note(text);
    if (onward !== undefined) await writeLine(to as never, onward);
    if (answer !== undefined) await writeLine(stdout, answer);
  };
  const signalled = new Promise<"signal">((resolve) => {
    terminal.onStop(() => resolve("signal"), ["SIGINT", "SIGTERM", "SIGHUP"]);
  });
  try {
    const fromHost = eachLine(stdin, async (line) => pass(await gate.outward(line), child.stdin));
    const fromServer = eachLine(child.stdout, async (line) => pass(gate.inward(line), stdout));
    // Either stream may fail after the other side has ended, which needs no report.
    for (const stream of [fromHost, fromServer]) stream.catch(() => {});
    const first = await Promise.race([
      fromHost.then(() => "host" as const),
      exited.then(() => "server" as const),
      fromServer.then(
        () => exited.then(() => "server" as const),
        (error: unknown) => Promise.reject(error),
      ),
      signalled,
    ]);
    if (first === "server") {
      // Forward what the server wrote before it ended.
      await fromServer;
      const { code, signal } = await exited;
      if (code === 0) return EXIT.ok;
      note(`the server ended: ${code === null ? `signal ${signal}` : `exit code ${code}`}`);
      return EXIT.failed;
    }
    if (first === "host") child.stdin.end();
    else child.kill("SIGTERM");
    await ended(child, exited);
    await fromServer.catch(() => {});
    return first === "host" ? EXIT.ok : EXIT.interrupted;
  } catch (error) {
    if (!(error instanceof LineTooLong)) throw error;
    note(`stopped the server: a message is longer than ${MAX_LINE_BYTES / 2 ** 20} MiB`);
    return EXIT.failed;
  } finally {
    gate.end();
    child.kill("SIGKILL");
    process.off("exit", killed);
    stdin.destroy();
  }
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return { code, signal };
  } catch {
    // Node's message repeats the command, which could be a credential typed in the wrong place.
    throw new UsageError(
      "The command after -- cannot be started. Check its name, and that it is installed.",
    );
  }
}

async function ended(child: ChildProcess, exited: Promise<Exit>): Promise<void> {
  if (await within(GRACE_MS, exited)) return;
  child.kill("SIGTERM");
  if (await within(GRACE_MS, exited)) return;
  child.kill("SIGKILL");
  await exited;
}

async function within(ms: number, exited: Promise<Exit>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const waited = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const answer = await Promise.race([exited.then(() => true as const), waited]);
  clearTimeout(timer);
  return answer;
}
