/** `sigil treasury start`: opens the folder, and serves the treasury until a signal stops it. */
import { type Handler, type Served, serve } from "l8nt/node";
import {
  checkMints,
  DEFAULT_MAX_ORDERS,
  guardedFetch,
  type MintsOptions,
  routeLabel,
} from "l8nt/treasury";
import type { Arguments } from "../arguments.ts";
import { EXIT, UsageError } from "../exit.ts";
import { readKeys } from "../keys/ring-file.ts";
import type { Terminal } from "../terminal.ts";
import { type Config, readConfig } from "./config.ts";
import { connectionBounds, openFilesLimit } from "./descriptors.ts";
import { existingFolder, type Folder, readPrivate, removeOwnerSocket } from "./folder.ts";
import { boundHeap } from "./heap.ts";
import { type Logger, logger } from "./log.ts";
import { runTreasury } from "./run.ts";
import { openSecrets, readKey } from "./secrets.ts";
import { openStore } from "./store.ts";
import { walletAtStart } from "./wallet.ts";
import { fileWitness } from "./witness.ts";

export type StartFlag =
  | "dir"
  | "key-file"
  | "port"
  | "socket"
  | "allow-loopback"
  | "egress-proxy"
  | "log-level";

export async function start(given: Arguments<StartFlag>, terminal: Terminal): Promise<number> {
  boundHeap();
  const folder = existingFolder(folderFlag(given));
  const config = readConfig(folder.config);
  const key = readKey(keyText(given, terminal, folder));
  const walletUrl = walletText(config, terminal);
  const mints = mintsOf(config);
  const { maxOrders: most = DEFAULT_MAX_ORDERS } = config.limits;
  const bounds = connectionBounds(openFilesLimit());
  const maxOrders = Math.min(most, bounds.orders);
  const reach = reachOf(given, maxOrders);
  const log = logger(given.text("log-level") ?? "info", terminal.stderr);
  const stopped = terminal.untilStopped();
  const store = await openStore(folder, terminal);
  try {
    const secrets = await openSecrets(store, key);
    const wallet = await walletAtStart(walletUrl, log);
    // Loaded here, because no other command needs its WebAssembly.
    const { curve } = await import("./curve.ts");
    const running = await runTreasury({
      config,
      ...(mints !== undefined && { mints }),
      maxOrders,
      secrets,
      store,
      wallet: wallet.open,
      witness: fileWitness(folder.mark),
      fetch: reach,
      curve,
      log,
    });
    let close = async () => {};
    try {
      close = await serveUntil(stopped);
    } finally {
      // At once: a follower's connection ends only when the treasury stops.
      const closed = close();
      await running.stop();
      await closed;
    }
    log.info("stopped");
    return EXIT.ok;

    async function serveUntil(end: Promise<void>): Promise<() => Promise<void>> {
      const { treasury, receiptKey, handler } = running;
      const { location } = config;
      const served = await listen(given, config, handler, bounds.incoming);
      const ownersServed = await listenToOwner(folder, config, handler, log);
      terminal.answer(
        `The treasury of ${location} listens at ${served.url}.\nIts receipts are signed with the key\n${receiptKey}.\n`,
        { listening: served.url, location, receiptKey, pid: process.pid },
      );
      const stopAsking = wallet.keepAsking(() => treasury.reconcile());
      await end;
      stopAsking();
      log.info("stopping: accepting no more requests, waiting for payments under way");
      return async () => {
        await Promise.all([served.close(), ownersServed?.close()]);
      };
    }
  } finally {
    await store.close();
  }
}

/** How services are reached. @throws UsageError for a proxy that cannot be used */
function reachOf(given: Arguments<StartFlag>, maxSockets: number): typeof fetch {
  const proxy = given.text("egress-proxy");
  try {
    return guardedFetch({
      allowLoopback: given.has("allow-loopback"),
      maxSockets,
      ...(proxy !== undefined && { proxy }),
    });
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`--egress-proxy: ${error.message}`);
    throw error;
  }
}

/** The value of `--dir`. @throws UsageError without it */
export function folderFlag(given: Arguments<"dir">): string {
  const dir = given.text("dir");
  if (dir === undefined) throw new UsageError("Missing --dir DIR: the folder of the treasury.");
  return dir;
}

/** The text of the key, from `--key-file`, SIGIL_TREASURY_KEY or the folder. @throws UsageError */
export function keyText(given: Arguments<"key-file">, { env }: Terminal, folder: Folder): string {
  const file = given.text("key-file");
  if (file !== undefined) return readPrivate(file, "The key file");
  return env.SIGIL_TREASURY_KEY || readPrivate(folder.key, "The key file");
}

/** What the treasury mints for. @throws UsageError for a file of keys that cannot be used */
function mintsOf({ mints }: Config): MintsOptions | undefined {
  if (mints === undefined) return undefined;
  const { keysFile, ...rest } = mints;
  const options = { ...rest, keys: readKeys(keysFile, "The keysFile of mints") };
  try {
    checkMints(options);
  } catch (error) {
    throw new UsageError(`config.json: ${(error as TypeError).message}`);
  }
  return options;
}

function walletText({ walletFile }: Config, { env }: Terminal): string {
  const url =
    env.SIGIL_WALLET ||
    (walletFile === undefined ? undefined : readPrivate(walletFile, "The wallet file"));
  if (!url)
    throw new UsageError(
      "Missing wallet. Set SIGIL_WALLET to its URL, or walletFile in config.json to a file with the URL.",
    );
  return url;
}

/**
 * Answers the owner on a socket in the folder, which agents cannot fill. Without it, the owner's
 * commands use the treasury's URL.
 */
async function listenToOwner(
  folder: Folder,
  { location }: Config,
  handler: Handler,
  log: Logger,
): Promise<Served | undefined> {
  const forOwner: Handler = (request, client) =>
    routeLabel(new URL(request.url).pathname) === "owner"
      ? handler(request, client)
      : new Response(null, { status: 404 });
  try {
    removeOwnerSocket(folder);
    return await serve(forOwner, { socket: folder.ownerSocket, origin: location });
  } catch {
    log.warn(
      "owner.sock cannot be made in the folder of --dir (is its path longer than 100 characters?); the owner's commands use the treasury's URL, and wait if agents use up its connections",
    );
    return undefined;
  }
}

function listen(
  given: Arguments<StartFlag>,
  { location }: Config,
  handler: Handler,
  maxConnections: number,
): Promise<Served> {
  const socket = given.text("socket");
  if (socket !== undefined) return serve(handler, { socket, origin: location, maxConnections });
  const port = given.text("port") ?? new URL(location).port;
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535)
    throw new UsageError("The location has no port: give --port N, or --socket PATH.");
  return serve(handler, { port: Number(port), origin: location, maxConnections }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE")
        throw new UsageError(`Port ${port} is in use. Give another one with --port N.`);
      throw error;
    },
  );
}
