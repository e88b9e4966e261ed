/**
 * From an empty folder to the first answer, as a new user types it: what is installed, started and
 * asked, in commands of a shell that are counted and timed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface FirstAnswer {
  readonly commands: readonly string[];
  /** Of each command; of the gateway, until it has printed its key. */
  readonly seconds: readonly number[];
}

/** Install, start, ask. */
export const MOST_COMMANDS = 3;
const LIMIT_MS = 300_000;

const VENDOR_KEY = "sk-vendor-0123456789";

/**
 * Runs the commands.
 *
 * @param install the command that installs the program
 * @param program how the program is called then, such as `npx sigil`
 * @throws Error unless the last one prints the answer of the vendor's stand-in
 */
export async function firstAnswer(
  folder: string,
  install: string,
  program: string,
  env: NodeJS.ProcessEnv,
): Promise<FirstAnswer> {
  const asked: (string | undefined)[] = [];
  const vendor = createServer((incoming, answer) => {
    asked.push(incoming.headers.authorization);
    incoming.resume().on("end", () => {
      const message = { role: "assistant", content: "Sunny." };
      answer.setHeader("content-type", "application/json").end(
        JSON.stringify({
          ...{ id: "1", object: "chat.completion", model: "gpt-4.1" },
          choices: [{ index: 0, message, finish_reason: "stop" }],
          usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
        }),
      );
    });
  });
  const [upstream, port] = [await originOf(vendor), await freePort()];
  const commands: string[] = [];
  const seconds: number[] = [];
  let gateway: Running | undefined;
  const timed = async (command: string, until?: RegExp): Promise<Running> => {
    const begin = performance.now();
    commands.push(command);
    const running = await run(folder, command, env, until);
    seconds.push((performance.now() - begin) / 1000);
    return running;
  };
  try {
    await timed(install);
    gateway = await timed(
      `OPENAI_API_KEY=${VENDOR_KEY} ${program} gateway --preset openai --budget "5 usd/day" --port ${port} --upstream ${upstream}`,
      /OPENAI_API_KEY=sk-sigil-\S+\n/,
    );
    const said = (name: string) => new RegExp(`${name}=(\\S+)`).exec(gateway!.printed)![1]!;
    const body = '{"model":"gpt-4.1","messages":[{"role":"user","content":"Weather?"}]}';
    const { printed } = await timed(
      `curl -s ${said("OPENAI_BASE_URL")}/chat/completions -H "Authorization: Bearer ${said("OPENAI_API_KEY")}" -H "Content-Type: application/json" -d '${body}'`,
    );
    if (!printed.includes("Sunny.")) throw new Error(`the answer was ${printed}`);
    if (asked.join() !== `Bearer ${VENDOR_KEY}`)
      throw new Error(`the vendor was asked ${asked.length} times, or with another key`);
    if (commands.length > MOST_COMMANDS)
      throw new Error(`it took ${commands.length} commands:\n${commands.join("\n")}`);
    return { commands, seconds };
  } finally {
    if (gateway !== undefined) await stop(gateway.child);
    vendor.close();
  }
}

interface Running {
  readonly child: ChildProcess;
  readonly printed: string;
}

/** Runs a command to its end, or until it has printed something. */
async function run(
  cwd: string,
  command: string,
  env: NodeJS.ProcessEnv,
  until?: RegExp,
): Promise<Running> {
  // A group of its own, so that what npx starts ends with it.
  const child = spawn("sh", ["-c", command], { cwd, env, detached: true });
  const late = setTimeout(() => void stop(child), LIMIT_MS);
  let [printed, told] = ["", ""];
  child.stderr.on("data", (part) => (told += part));
  const ended = once(child, "close").then(([code]) => code as number | null);
  const isReady = new Promise<"ready">((resolve) => {
    child.stdout.on("data", (part) => {
      printed += part;
      if (until?.test(printed)) resolve("ready");
    });
  });
  const outcome = await Promise.race([ended, isReady]);
  clearTimeout(late);
  if (outcome !== "ready" && (outcome !== 0 || until !== undefined))
    throw new Error(`${command.split(" ")[0]}: exit ${outcome}\n${printed}${told}`);
  return { child, printed };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const closed = once(child, "close");
  process.kill(-child.pid, "SIGTERM");
  await closed;
}

async function originOf(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function freePort(): Promise<string> {
  const server = createServer();
  const { port } = new URL(await originOf(server));
  server.close();
  await once(server, "close");
  return port;
}
