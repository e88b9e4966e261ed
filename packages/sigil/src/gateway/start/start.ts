/** `sigil gateway`: opens its folder, prints a key, and serves until a signal stops it. */
import { EXIT, UsageError } from "../../exit.ts";
import type { Terminal } from "../../terminal.ts";
import { logger } from "../../treasury/log.ts";
import type { GatewayConfig } from "../config/config.ts";
import { type Listen, locationOf } from "../config/listen.ts";
import { Bodies } from "../core/body.ts";
import { ClientAddresses } from "../core/client-address.ts";
import { type Listening, listen } from "../core/server.ts";
import { Gateway } from "../gateway.ts";
import { GatewayMetrics } from "../metrics/metrics.ts";
import { type Owned, openOwned } from "../owner/open.ts";
import { demandOneSecret } from "../store/one-secret.ts";
import { givenSecret, openRows, openStore } from "../store/open.ts";
import { steadyStore } from "../store/steady-store.ts";
import { keyFor, scopeOf } from "./agent-key.ts";
import { openFolder } from "./folder.ts";
import { greeting } from "./greeting.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { warningsOf } from "./moved.ts";
import { Reloading } from "./reload.ts";
import { openServing, type Serving, textOf } from "./serving.ts";
import { openWatching, type Watching } from "./watching.ts";

/** How long requests under way may take to end after a signal. */
const GRACE_MS = 30_000;

/** @param read the configuration, also at each SIGHUP */
export async function start(read: () => GatewayConfig, terminal: Terminal): Promise<number> {
  const config = read();
  const log = logger(config.logLevel, terminal.stderr);
  const { host, port } = config.listen;
  const tls = tlsOf(config.listen);
  const location = locationOf(config.listen);
  const { env } = terminal;
  const folder = openFolder(config.dir, await givenSecret(config.secret, env));
  const { secret } = folder;
  const stopped = terminal.untilStopped();
  const clock = () => Date.now() / 1000;
  const metrics = config.metrics && new GatewayMetrics();
  const alarm = (what: string): void => {
    metrics?.alarmed();
    log.warn(what);
  };
  const place = { reference: config.store, file: folder.database, env };
  const opened = await openStore(place);
  const store = steadyStore(opened, { alarm });
  try {
    if (store.shared) await demandOneSecret(store, secret);
    const open = (of: GatewayConfig, before?: Serving) =>
      openServing(of, { ...{ secret, store, clock, alarm }, env }, before);
    const serving = await open(config);
    const { services } = serving;
    let watching: Watching | undefined;
    let owned: Owned | undefined;
    let reloading: Reloading<GatewayConfig, Serving> | undefined;
    let stopHeartbeat = (): void => {};
    try {
      owned = await openOwned(config.alerts, {
        ...{
          store,
          services: () => reloading?.serving.services ?? services,
          dir: folder.path,
          clock,
          alarm,
        },
        env: terminal.env,
      });
      const database = await openRows(place);
      watching = await openWatching(config, {
        ...{ store, database, metrics, log, clock, alarm },
        presetOf: (service) => config.services[service]?.preset,
        stderr: terminal.stderr,
      });
      const { recover } = watching;
      stopHeartbeat = await startHeartbeat({
        paywall: services[0]!.paywall,
        async ended(requests) {
          alarm(`${requests} requests of a gateway that died were charged at their worst case`);
          await recover();
        },
      });
      const gateway = new Gateway({
        services,
        ledger: store,
        bodies: new Bodies(),
        clock,
        alarm,
        observers: [...watching.observers, ...owned.observers],
        clients: clientsOf(config.listen),
        isShadow: config.shadow,
      });
      let listening: Listening | undefined;
      const replace = (services: Serving["services"]): Promise<void> => {
        const ended = gateway.replace(services);
        listening?.serveWebSockets(gateway.webSockets);
        return ended;
      };
      reloading = new Reloading({
        ...{ config, serving, read, open, log, warnings: warningsOf },
        changeable: { services: true, prices: true, agentKey: true },
        replace: (next) => replace(next.services),
      });
      terminal.onStop(reloading.reload, ["SIGHUP"]);
      const options = { port, host, ...(tls && { tls }) };
      listening = await listen(gateway.serve, options).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "EADDRINUSE")
          throw new UsageError(`Port ${port} is in use. Give another one with --port N.`);
        throw error;
      });
      listening.serveWebSockets(gateway.webSockets);
      const key = await keyFor({ folder, store }, scopeOf(config), services[0]!);
      terminal.answer(greeting(services, location, key), {
        listening: listening.url,
        location,
        key,
        services: services.map(({ name, prefix }) => ({ name, url: location + prefix })),
        pid: process.pid,
      });
      await stopped;
      log.info("stopping: accepting no more requests, waiting for those under way");
      await listening.close(GRACE_MS);
      await gateway.close();
      log.info("stopped");
      return EXIT.ok;
    } finally {
      stopHeartbeat();
      await owned?.close();
      await watching?.close();
      await (reloading ?? serving).close();
    }
  } finally {
    await store.close();
  }
}

const clientsOf = ({ trustedProxies = [], forwardedField }: Listen): ClientAddresses =>
  new ClientAddresses({
    trusted: trustedProxies,
    ...(forwardedField && { field: forwardedField }),
  });

function tlsOf({ tlsCert, tlsKey }: Listen): { cert: string; key: string } | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return { cert: textOf(tlsCert, "tls-cert"), key: textOf(tlsKey, "tls-key") };
}
