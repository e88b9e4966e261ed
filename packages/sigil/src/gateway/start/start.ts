/** `sigil gateway`: opens its folder, prints a key, and serves until a signal stops it. */
import type { Store } from "l8nt/ports";
import { EXIT, UsageError } from "../../exit.ts";
import type { Terminal } from "../../terminal.ts";
import { logger } from "../../treasury/log.ts";
import { readWebhookSecret } from "../alerts/open.ts";
import type { GatewayConfig } from "../config/config.ts";
import { type Listen, locationOf } from "../config/listen.ts";
import { Bodies } from "../core/body.ts";
import { ClientAddresses } from "../core/client-address.ts";
import { type Listening, listen, type Serve } from "../core/server.ts";
import { Gateway } from "../gateway.ts";
import { listenForMetrics } from "../metrics/listen.ts";
import { GatewayMetrics } from "../metrics/metrics.ts";
import { openOwned } from "../owner/open.ts";
import { demandOneSecret } from "../store/one-secret.ts";
import { givenSecret, openRows, openStore } from "../store/open.ts";
import { steadyStore } from "../store/steady-store.ts";
import { keyFor, scopeOf } from "./agent-key.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import { databaseIn, openFolder } from "./folder.ts";
import { greeting } from "./greeting.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { warningsOf } from "./moved.ts";
import { Reloading } from "./reload.ts";
import { find, openServing, type Serving } from "./serving.ts";
import { openWatching } from "./watching.ts";

/** How long requests under way may take to end after a signal. */
const GRACE_MS = 30_000;

/** @param read the configuration, also at each SIGHUP */
export async function start(read: () => GatewayConfig, terminal: Terminal): Promise<number> {
  const closing: (() => unknown)[] = [];
  try {
    return await serve(read, terminal, (close) => closing.unshift(close));
  } finally {
    for (const close of closing) await close();
  }
}

/** @param atEnd of what was opened: called at the end, the last first, also if the start fails */
async function serve(
  read: () => GatewayConfig,
  terminal: Terminal,
  atEnd: (close: () => unknown) => void,
): Promise<number> {
  const config = read();
  const log = logger(config.logLevel, terminal.stderr);
  const { env } = terminal;
  const location = locationOf(config.listen);
  const clock = () => Date.now() / 1000;
  const metrics = config.metrics && new GatewayMetrics();
  const alarm = (what: string): void => {
    metrics?.alarmed();
    log.warn(what);
  };
  // All that an owner may have got wrong comes before the folder: a failed start leaves none.
  const tls = readCertificate(config.listen);
  const found = await find(config, env);
  const webhookSecret = await readWebhookSecret(config.alerts, env);
  const given = await givenSecret(config.secret, env);
  let gateway: Gateway | undefined;
  let opened: (gateway: Gateway) => void = () => {};
  const opening = new Promise<Gateway>((resolve) => (opened = resolve));
  const listening = await listenAt(config, tls, async (...request) =>
    (gateway ?? (await opening)).serve(...request),
  );
  atEnd(() => listening.close(0));
  if (metrics !== undefined) {
    const { url, close } = await listenForMetrics(metrics, config.metrics!.port);
    atEnd(close);
    log.info(`metrics at ${url}`);
  }
  const stopped = terminal.untilStopped();
  const place = { reference: config.store, file: databaseIn(config.dir), env };
  const steady = (of: Store): Store => {
    const store = steadyStore(of, { alarm });
    atEnd(() => store.close());
    return store;
  };
  const shared = config.store === undefined ? undefined : steady(await openStore(place));
  const folder = openFolder(config.dir, given);
  const { secret } = folder;
  const store = shared ?? steady(await openStore(place));
  if (store.shared) await demandOneSecret(store, secret);

  const context = { secret, store, clock, alarm };
  const serving = await openServing(config, found, context);
  const { services } = serving;
  let reloading: Reloading<GatewayConfig, Serving> | undefined;
  atEnd(() => (reloading ?? serving).close());
  const database = await openRows(place);
  const watching = await openWatching(config, {
    ...{ store, database, metrics, clock, alarm, stderr: terminal.stderr },
    presetOf: (service) => config.services[service]?.preset,
  });
  atEnd(watching.close);
  let printed: string | undefined;
  const owned = await openOwned(config.alerts, {
    printed: () => printed,
    ...{ store, dir: folder.path, webhookSecret, clock, alarm },
    services: () => reloading?.serving.services ?? services,
  });
  atEnd(owned.close);
  const stopHeartbeat = await startHeartbeat({
    paywall: services[0]!.paywall,
    async ended(requests) {
      alarm(`${requests} requests of a gateway that died were charged at their worst case`);
      await watching.recover();
    },
  });
  atEnd(stopHeartbeat);
  const { key, notice } = await keyFor({ folder, store }, scopeOf(config), services[0]!);
  printed = services[0]!.paywall.authority.verifier.authenticate(key).node.id;
  if (notice !== undefined) log.warn(notice);
  const running = new Gateway({
    services,
    ledger: store,
    bodies: new Bodies(),
    clock,
    alarm,
    observers: [...watching.observers, ...owned.observers],
    clients: clientsOf(config.listen),
    isShadow: config.shadow,
  });
  gateway = running;
  listening.serveWebSockets(running.webSockets);
  opened(running);
  reloading = new Reloading({
    ...{ config, serving, read, log, warnings: warningsOf },
    changeable: {
      ...{ services: true, prices: true, agentKey: true },
      ...{ trust: true, allowPrivateIssuers: true },
    },
    open: async (next, before) => {
      const certificate = readCertificate(next.listen);
      const one = await openServing(next, await find(next, env), context, before);
      if (certificate !== undefined) listening.serveCertificate(certificate);
      return one;
    },
    replace(next) {
      const ended = running.replace(next.services);
      listening.serveWebSockets(running.webSockets);
      return ended;
    },
  });
  terminal.onStop(reloading.reload, ["SIGHUP"]);
  terminal.answer(greeting(services, { location, key, notice, pid: process.pid }), {
    listening: listening.url,
    location,
    key,
    ...(notice !== undefined && { notice }),
    services: services.map(({ name, prefix }) => ({ name, url: location + prefix })),
    pid: process.pid,
  });
  await stopped;
  log.info("stopping: accepting no more requests, waiting for those under way");
  await listening.close(GRACE_MS);
  await running.close();
  log.info("stopped");
  return EXIT.ok;
}

const clientsOf = ({ trustedProxies = [], forwardedField }: Listen): ClientAddresses =>
  new ClientAddresses({
    trusted: trustedProxies,
    ...(forwardedField && { field: forwardedField }),
  });

/** @throws UsageError if it cannot listen there */
async function listenAt(
  { listen: { host, port } }: GatewayConfig,
  tls: Certificate | undefined,
  serve: Serve,
): Promise<Listening> {
  try {
    return await listen(serve, { port, host, ...(tls && { tls }) });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE")
      throw new UsageError(`Port ${port} is in use. Give another one with --port N.`);
    if (code === "EACCES")
      throw new UsageError(
        `This user may not listen at port ${port}. Give one above 1023 with --port N.`,
      );
    if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
      throw new UsageError(
        "This machine does not have the address of --host. Give 127.0.0.1, 0.0.0.0, or one of its own.",
      );
    throw error;
  }
}
