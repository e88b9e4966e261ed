/** `sigil gateway decide`: opens its folder and decides until a signal stops it. */
import { chmodSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { openWallet } from "l8nt";
import { Authority } from "l8nt/l402";
import { Paywall, type Terms } from "l8nt/service";
import { EXIT, UsageError } from "../../exit.ts";
import type { Terminal } from "../../terminal.ts";
import { logger } from "../../treasury/log.ts";
import { type DecideConfig, decide, partsOf } from "../config/decide.ts";
import { readFileAs } from "../config/read.ts";
import { type Listening, listen } from "../core/server.ts";
import { openFolder } from "../start/folder.ts";
import { startHeartbeat } from "../start/heartbeat.ts";
import { demandOneSecret } from "../store/one-secret.ts";
import { givenSecret, openStore } from "../store/open.ts";
import { steadyStore } from "../store/steady-store.ts";
import { place } from "../vault/place.ts";
import { readSecret } from "../vault/reference.ts";
import { type DecidedRoute, Decider } from "./decider.ts";
import { DecideServer, PROXY_KEY_FIELD } from "./server.ts";

const GRACE_MS = 10_000;

export async function startDeciding(file: string, terminal: Terminal): Promise<number> {
  const config = withPathsFrom(dirname(resolve(file)), readFileAs(decide, file));
  const log = logger(config.logLevel, terminal.stderr);
  const invoicer = invoicerOf(config, terminal);
  const proxyKey = await proxyKeyOf(config, terminal);
  const { env } = terminal;
  const { secret, database, path } = openFolder(config.dir, await givenSecret(config.secret, env));
  const secretFile = config.secret === undefined ? `${path}/secret` : "FILE";
  const stopped = terminal.untilStopped();
  const clock = () => Date.now() / 1000;
  const alarm = (what: string, cause?: unknown): void =>
    log.warn({ cause: cause instanceof Error ? cause.message : undefined }, what);
  const opened = await openStore({ reference: config.store, file: database, env });
  const store = steadyStore(opened, { alarm });
  const { location, proxy } = config;
  const maxSilence = config.maxSilence as `${number}s`;
  const authority = new Authority({ secret, location, clock });
  const paywall = new Paywall({
    ...{ authority, store, clock, alarm },
    revocations: { store, freezes: true, maxSilence },
    ...(invoicer && { invoicer }),
  });
  const decider = new Decider(paywall, routesOf(config));
  let stopHeartbeat = (): void => {};
  try {
    if (store.shared) await demandOneSecret(store, secret);
    await paywall.ready();
    stopHeartbeat = await startHeartbeat({
      paywall,
      ended: (uses) => alarm(`${uses} uses of a process that died were counted`),
    });
    const server = new DecideServer({
      ...{ paywall, decider, proxy, alarm },
      ...(proxyKey !== undefined && { proxyKey }),
      decided: (row) => log.info(row, "decided"),
    });
    const listening = await openListener(server, config);
    terminal.answer(
      `Decides for ${proxy} at ${listening.url}, about requests to ${location}.
Mint credentials with \`sigil mint --kind access --location ${location} --secret-file ${secretFile} --key-form …\`.
`,
      { listening: listening.url, location, proxy, pid: process.pid },
    );
    await stopped;
    log.info("stopping: waiting for decisions under way");
    await listening.close(GRACE_MS);
    return EXIT.ok;
  } finally {
    stopHeartbeat();
    decider.close();
    paywall.close();
    await store.close();
  }
}

async function openListener(
  { serve }: DecideServer,
  { listen: { host, port, socket } }: DecideConfig,
): Promise<Listening> {
  const where = socket === undefined ? { host, port } : { socket };
  try {
    const listening = await listen(serve, where);
    // The proxy runs as another user, of the same group.
    if (socket !== undefined) chmodSync(socket, 0o660);
    return listening;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EADDRINUSE") throw error;
    throw new UsageError(
      socket === undefined
        ? `listen.port: port ${port} is in use. Give another one.`
        : "listen.socket: another process listens there, or left the socket behind. Remove it.",
    );
  }
}

const routesOf = ({ routes }: DecideConfig): readonly DecidedRoute[] =>
  routes.map(({ match, access, price, capability, grants }) => ({
    ...partsOf(match),
    access,
    terms: {
      ...(price !== undefined && { price }),
      ...(capability !== undefined && { capability }),
      ...(grants !== undefined && { grants: grants as Terms["grants"] & object }),
    },
  }));

/** Undefined if nothing is sold. @throws UsageError without a wallet */
function invoicerOf({ routes }: DecideConfig, { env }: Terminal) {
  if (routes.every(({ access }) => access !== "paid")) return undefined;
  const url = env.SIGIL_WALLET;
  if (!url) throw new UsageError("A route is paid, so set SIGIL_WALLET: the wallet that is paid.");
  return () => openWallet(url);
}

async function proxyKeyOf({ proxyKey }: DecideConfig, { env }: Terminal) {
  if (proxyKey === undefined) return undefined;
  const secret = await readSecret(proxyKey, { what: "proxyKey", env });
  return place(secret, { kind: "header", name: PROXY_KEY_FIELD }).headers[0]![1];
}

/** With paths that are relative to the folder of the file. */
function withPathsFrom(folder: string, config: DecideConfig): DecideConfig {
  const { socket } = config.listen;
  return {
    ...config,
    dir: resolve(folder, config.dir),
    listen: { ...config.listen, ...(socket !== undefined && { socket: resolve(folder, socket) }) },
  };
}
