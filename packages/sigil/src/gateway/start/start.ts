/** `sigil gateway`: opens its folder, prints a key, and serves until a signal stops it. */
import { readFileSync } from "node:fs";
import { Credential } from "l8nt";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { EXIT, UsageError } from "../../exit.ts";
import { fromScope } from "../../scope-flags.ts";
import type { Terminal } from "../../terminal.ts";
import { type Logger, logger } from "../../treasury/log.ts";
import { Bodies } from "../core/body.ts";
import { listen } from "../core/server.ts";
import { openUpstream } from "../core/upstream.ts";
import { Gateway } from "../gateway.ts";
import { NO_ALLOWANCES, type Preset } from "../presets/preset.ts";
import { PriceTable } from "../prices/table.ts";
import { requestLog } from "../request-log.ts";
import { Service } from "../service.ts";
import { Vault } from "../vault/vault.ts";
import { type Given, keyOf, originOf, presetsOf, scopeOf, USUAL } from "./flags.ts";
import { type GatewayFolder, openFolder } from "./folder.ts";

const PORT = 8410;
/** How long requests under way may take to end after a signal. */
const GRACE_MS = 30_000;
const PRICES = new URL("../../../prices.yaml", import.meta.url);

export async function start(given: Given, terminal: Terminal): Promise<number> {
  const presets = presetsOf(given);
  if (presets.length > 1 && (given.has("upstream") || given.has("key")))
    throw new UsageError("--upstream and --key are for one preset. Start a gateway for each.");
  const log = logger(given.text("log-level") ?? "info", terminal.stderr);
  const prices = pricesOf(given, log);
  const references = Object.fromEntries(
    presets.flatMap((preset) => {
      const reference = keyOf(given, preset, terminal.env);
      return reference === undefined ? [] : [[preset.name, reference]];
    }),
  );
  const vault = await Vault.open(references, { env: terminal.env });
  const port = portOf(given);
  const host = given.text("host") ?? "127.0.0.1";
  const tls = tlsOf(given);
  const scheme = tls === undefined ? "http" : "https";
  const asked = given.text("location");
  const location =
    asked === undefined
      ? `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`
      : originOf(asked, "--location");
  const scope = scopeOf(given, location);
  const folder = openFolder(given.text("dir") ?? "sigil-gateway");
  const stopped = terminal.untilStopped();
  const store = await openSqliteStore(folder.database);
  const clock = () => Date.now() / 1000;
  const alarm = (what: string): void => log.warn(what);
  const services = presets.map(
    (preset) =>
      new Service({
        name: preset.name,
        prefix: presets.length === 1 ? "" : `/${preset.name}`,
        preset,
        needsKey: preset.name in references,
        allowances: NO_ALLOWANCES,
        upstream: openUpstream(upstreamOf(given, preset)),
        vault,
        prices,
        location,
        secret: folder.secret,
        store,
        clock,
        alarm,
      }),
  );
  try {
    for (const { paywall } of services) await paywall.ready();
    const gateway = new Gateway({
      services,
      ledger: store,
      bodies: new Bodies(),
      clock,
      alarm,
      observers: [requestLog(log)],
    });
    const listening = await listen(gateway.serve, { port, host, ...(tls && { tls }) }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === "EADDRINUSE")
          throw new UsageError(`Port ${port} is in use. Give another one with --port N.`);
        throw error;
      },
    );
    const key = keyFor(folder, scope, services[0]!);
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
    log.info("stopped");
    return EXIT.ok;
  } finally {
    for (const service of services) {
      service.close();
      await service.upstream.destroy();
    }
    await store.close();
  }
}

/** The key of the last start if its flags were the same, and it has not ended; else a new one. */
function keyFor(folder: GatewayFolder, scope: ReturnType<typeof scopeOf>, service: Service) {
  const flags = JSON.stringify(scope);
  const kept = folder.keptKey(flags);
  if (kept !== undefined && !hasEnded(kept)) return kept;
  const { minter } = service.paywall.authority;
  const key = fromScope(() => minter.mint(scope)).toKey();
  folder.keepKey(flags, key);
  return key;
}

const hasEnded = (key: string): boolean =>
  (Credential.parse(key).chain.validUntil ?? 0) <= Date.now() / 1000;

function greeting(services: readonly Service[], location: string, key: string): string {
  const lines = services.flatMap(({ name, prefix }) => {
    const { baseUrl, basePath, keys, agentKey = keys[0] } = USUAL[name]!;
    return [`  ${baseUrl}=${location}${prefix}${basePath}`, `  ${agentKey}=${key}`];
  });
  return `The gateway listens at ${location}. Give an agent

${lines.join("\n")}

and hand weaker keys to its helpers with \`sigil delegate --key-form --agent NAME\`.
`;
}

function pricesOf(given: Given, log: Logger): PriceTable {
  const margin = given.text("margin");
  const options = margin === undefined ? {} : { margin };
  const pinned = PriceTable.read(readFileSync(PRICES, "utf8"), options);
  const file = given.text("prices");
  const prices =
    file === undefined
      ? pinned
      : PriceTable.read(textOf(file, "--prices"), { ...options, name: "--prices" }).over(pinned);
  for (const warning of prices.warnings()) log.warn(warning);
  return prices;
}

function textOf(path: string, flag: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new UsageError(`The file of ${flag} cannot be read.`);
  }
}

function tlsOf(given: Given): { readonly cert: string; readonly key: string } | undefined {
  const [cert, key] = [given.text("tls-cert"), given.text("tls-key")];
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new UsageError("--tls-cert and --tls-key go together.");
  return { cert: textOf(cert, "--tls-cert"), key: textOf(key, "--tls-key") };
}

function portOf(given: Given): number {
  const text = given.text("port");
  if (text === undefined) return PORT;
  if (!/^[0-9]{1,5}$/.test(text) || Number(text) > 65_535 || Number(text) === 0)
    throw new UsageError("--port must be a number from 1 to 65535.");
  return Number(text);
}

function upstreamOf(given: Given, { name, origin }: Preset): string {
  const text = given.text("upstream") ?? origin;
  if (text === undefined)
    throw new UsageError(`--preset ${name} needs --upstream URL: the origin of the API.`);
  return originOf(text, "--upstream");
}
