/** Programs inside of a namespace. They end with the process that started them. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { namespaceOf } from "./namespaces.ts";
import type { HostName } from "./plan.ts";

const ROOT = join(import.meta.dirname, "../../..");
const NODE = [process.execPath, "--conditions=l8nt-source", "--no-warnings"];
/** The program `sigil`, from its source. */
export const SIGIL = [...NODE, join(ROOT, "packages/sigil/src/main.ts")];
const PROGRAMS = join(import.meta.dirname, "../programs");

/** What each program of a run has. */
export interface Place {
  /** The process that made the namespaces. */
  readonly run: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Of an authority that no program trusts. */
  readonly strange: { readonly cert: string; readonly key: string };
  /** For files of the run. */
  readonly folder: string;
  /** For what the programs print. */
  readonly logs: string;
}

type Environment = Readonly<Record<string, string>>;

export interface Started {
  readonly command: string;
  readonly args: string[];
  readonly env: Record<string, string>;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Inside {
  readonly place: Place;
  readonly #children: ChildProcess[] = [];

  constructor(place: Place) {
    this.place = place;
  }

  /** How to start a program on a host, for whatever starts programs. */
  started(host: HostName, [file, ...rest]: readonly string[], env: Environment = {}): Started {
    const { run, ca, cert, key, folder } = this.place;
    return {
      command: "ip",
      // The kernel ends the program if this process is killed.
      args: [
        ...["netns", "exec", namespaceOf(host, run), "setpriv", "--pdeathsig", "KILL"],
        ...[file!, ...rest],
      ],
      env: {
        PATH: process.env.PATH!,
        NODE_COMPILE_CACHE: join(ROOT, ".cache/compile"),
        NODE_EXTRA_CA_CERTS: ca,
        HOME: folder,
        CERT: cert,
        KEY: key,
        ...env,
      },
    };
  }

  /** Starts a program on a host. */
  spawn(
    host: HostName,
    run: readonly string[],
    variables: Environment = {},
  ): ChildProcessByStdio<Writable, Readable, Readable> {
    const { command, args, env } = this.started(host, run, variables);
    const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    child.stdin.on("error", () => {});
    this.#children.push(child);
    return child;
  }

  program(host: HostName, name: string, args: readonly string[] = [], env: Environment = {}) {
    const file = join(PROGRAMS, `${name}.ts`);
    return this.spawn(host, [...NODE, file, ...args], env);
  }

  /** Runs the program `sigil` on a host to its end. */
  async sigil(host: HostName, args: readonly string[], env: Environment = {}): Promise<Ended> {
    return ended(this.spawn(host, [...SIGIL, ...args], env));
  }

  /** Starts `sigil` on a host, and resolves with the JSON that it prints first. */
  async daemon<Ready>(host: HostName, args: readonly string[], env: Environment = {}) {
    const child = this.spawn(host, [...SIGIL, ...args, "--json"], env);
    const lines: string[] = [];
    this.#log(`${host}-${args[0]}`, child.stderr);
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line !== "}") continue;
      const ready = JSON.parse(lines.join("\n")) as Ready & { readonly error?: unknown };
      if (ready.error !== undefined) break;
      return { child, ready: ready as Ready };
    }
    throw new Error(`sigil ${args.join(" ")} on ${host} did not start:\n${lines.join("\n")}`);
  }

  /** Starts a program of this folder, and resolves once it says that it is ready. */
  async serve(host: HostName, name: string, args: readonly string[] = [], env: Environment = {}) {
    const child = this.program(host, name, args, env);
    const log = this.#log(`${host}-${name}`, child.stderr);
    for await (const line of createInterface({ input: child.stdout }))
      if (line === "ready") {
        this.#log(`${host}-${name}`, child.stdout);
        return child;
      }
    throw new Error(`${name} on ${host} did not start:\n${readFileSync(log, "utf8")}`);
  }

  /** Starts a foreign server, and resolves once it listens at each of the ports. */
  async listens(host: HostName, command: readonly string[], ports: readonly number[]) {
    const child = this.spawn(host, command);
    const log = this.#log(`${host}-${command[0]!.split("/").at(-1)}`, child.stderr, child.stdout);
    while (!ports.every((port) => isListening(child.pid!, port))) {
      if (child.exitCode !== null)
        throw new Error(`${command.join(" ")} on ${host} ended:\n${readFileSync(log, "utf8")}`);
      await new Promise((turn) => setTimeout(turn, 20));
    }
    return child;
  }

  #log(name: string, ...streams: readonly Readable[]): string {
    const path = join(this.place.logs, `${name}.log`);
    appendFileSync(path, "");
    for (const stream of streams) stream.on("data", (part) => appendFileSync(path, part));
    return path;
  }

  /** Ends everything that was started here. */
  async close(): Promise<void> {
    await Promise.all(this.#children.map(killed));
  }
}

export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

export async function ended(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
): Promise<Ended> {
  const parts = { stdout: "", stderr: "" };
  child.stdout.on("data", (part) => (parts.stdout += part));
  child.stderr.on("data", (part) => (parts.stderr += part));
  child.stdin.end();
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...parts };
}

/** Whether a process listens at a port: it has the socket that the kernel's table names. */
function isListening(pid: number, port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  try {
    const own = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
    return ["tcp", "tcp6"].some((table) =>
      readFileSync(`/proc/${pid}/net/${table}`, "utf8")
        .split("\n")
        .some((line) => {
          const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
          return local.endsWith(wanted) && state === LISTEN && own.includes(`socket:[${inode}]`);
        }),
    );
  } catch {
    return false;
  }
}
const LISTEN = "0A";

/** What a descriptor is; undefined if it was closed meanwhile. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
