/** `sigil gateway decide`: opens its folder and decides until a signal stops it. */
import { chmodSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { openWallet } from "l8nt";
import { IssuerDirectory } from "l8nt/biscuit";
import { Authority } from "l8nt/l402";
import { Paywall } from "l8nt/service";
import { EXIT, UsageError } from "../../exit.ts";
import type { Terminal } from "../../terminal.ts";
import { logger } from "../../treasury/log.ts";
import { readWebhookSecret } from "../alerts/open.ts";
import { type DecideConfig, decide } from "../config/decide.ts";
import { readFileAs } from "../config/read.ts";
import { ClientAddresses } from "../core/client-address.ts";
import { type Listening, listen } from "../core/server.ts";
import { listenForMetrics, type MetricsListening } from "../metrics/listen.ts";
import { GatewayMetrics } from "../metrics/metrics.ts";
import { type Owned, openOwned } from "../owner/open.ts";
import { openFolder } from "../start/folder.ts";
import { startHeartbeat } from "../start/heartbeat.ts";
import { Reloading } from "../start/reload.ts";
import { openWatching, type Watching } from "../start/watching.ts";
import { demandOneSecret } from "../store/one-secret.ts";
import { type Environment, givenSecret, openRows, openStore } from "../store/open.ts";
import { steadyStore } from "../store/steady-store.ts";
import { place } from "../vault/place.ts";
import { readSecret } from "../vault/reference.ts";
import { Decider } from "./decider.ts";
import { DecideServer, PROXY_KEY_FIELD } from "./server.ts";

const GRACE_MS = 10_000;

/** @param file its configuration, which is read again at each SIGHUP */
export async function startDeciding(file: string, terminal: Terminal): Promise<number> {
  const read = () => withPathsFrom(dirname(resolve(file)), readFileAs(decide, file));
  const config = read();
  const log = logger(config.logLevel, terminal.stderr);
  const { env } = terminal;
  const invoicer = invoicerOf(env);
  const proxyKey = await proxyKeyOf(config, terminal);
  const webhookSecret = await readWebhookSecret(config.alerts, env);
  const { secret, database, path } = openFolder(config.dir, await givenSecret(config.secret, env));
  const secretFile = config.secret === undefined ? `${path}/secret` : "FILE";
  const stopped = terminal.untilStopped();
  const clock = () => Date.now() / 1000;
  const metrics = config.metrics && new GatewayMetrics();
  const alarm = (what: string, cause?: unknown): void => {
    metrics?.alarmed();
    log.warn({ cause: cause instanceof Error ? cause.message : undefined }, what);
  };
  const place = { reference: config.store, file: database, env };
  const store = steadyStore(await openStore(place), { alarm });
  const { location, proxy } = config;
  const maxSilence = config.maxSilence as `${number}s`;
  const open = async (of: DecideConfig, before?: Deciding): Promise<Deciding> => {
    const { trust: issuers, allowPrivateIssuers } = of;
    const trust = new IssuerDirectory({
      ...{ issuers, allowPrivateIssuers, before: before?.trust, clock, alarm },
    });
    const paywall = new Paywall({
      authority: new Authority({ secret, location, clock }),
      ...{ trust, store, clock, alarm },
      revocations: { store, freezes: true, maxSilence },
      ...(before && { replaces: before.decider.paywall }),
      ...(invoicer && { invoicer }),
    });
    try {
      const decider = openDecider(paywall, of, env);
      await paywall.ready();
      return { decider, trust, close: async () => decider.close() };
    } catch (error) {
      paywall.close();
      throw error;
    }
  };
  let serving: Deciding | undefined;
  let reloading: Reloading<DecideConfig, Deciding> | undefined;
  let measuring: MetricsListening | undefined;
  let owned: Owned | undefined;
  let watching: Watching | undefined;
  let stopHeartbeat = (): void => {};
  try {
    if (metrics !== undefined) {
      measuring = await listenForMetrics(metrics, config.metrics!.port);
      log.info(`metrics at ${measuring.url}`);
    }
    if (store.shared) await demandOneSecret(store, secret);
    const first = await open(config);
    serving = first;
    const { paywall } = first.decider;
    owned = await openOwned(config.alerts, {
      ...{ store, dir: path, webhookSecret, clock, alarm },
      services: () => [(reloading?.serving ?? first).decider],
    });
    watching = await openWatching(config, {
      ...{ store, metrics, clock, alarm },
      database: await openRows(place),
      presetOf: () => undefined,
      stderr: terminal.stderr,
    });
    stopHeartbeat = await startHeartbeat({
      paywall,
      ended: (uses) => alarm(`${uses} uses of a process that died were counted`),
    });
    const server = new DecideServer({
      ...{ proxy, alarm, clock },
      decider: first.decider,
      clients: new ClientAddresses({ trusted: config.listen.trustedProxies ?? [] }),
      ...(proxyKey !== undefined && { proxyKey }),
      observers: [...watching.observers, ...owned.observers],
    });
    reloading = new Reloading({
      ...{ config, serving: first, read, open, log },
      changeable: { routes: true, trust: true, allowPrivateIssuers: true },
      replace: ({ decider }) => server.replace(decider),
    });
    terminal.onStop(reloading.reload, ["SIGHUP"]);
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
    await owned?.close();
    await watching?.close();
    await measuring?.close();
    await (reloading ?? serving)?.close();
    await store.close();
  }
}

/** One version of the configuration at work. */
interface Deciding {
  readonly decider: Decider;
  readonly trust: IssuerDirectory;
  close(): Promise<void>;
}

/** @throws UsageError without the wallet of what is sold */
function openDecider(paywall: Paywall, { routes }: DecideConfig, env: Environment): Decider {
  if (!env[WALLET] && routes.some(({ access }) => access === "paid"))
    throw new UsageError(`A route is paid, so set ${WALLET}: the wallet that is paid.`);
  return new Decider(paywall, routes);
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

const WALLET = "SIGIL_WALLET";

/** Undefined without a wallet. A route that is paid may come with a reload. */
function invoicerOf(env: Environment) {
  const url = env[WALLET];
  return url ? () => openWallet(url) : undefined;
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
