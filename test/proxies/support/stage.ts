/** A proxy as a process, with its shipped configuration, a decision service, and an upstream. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Credential, Scope } from "l8nt";
import { Authority } from "l8nt/l402";
import type { Invoicer } from "l8nt/ports";
import { Paywall } from "l8nt/service";
import { MemoryStore } from "l8nt/stores/memory";
import { devTown } from "l8nt/testing";
import { decide as schema } from "../../../packages/sigil/src/gateway/config/decide.ts";
import { ClientAddresses } from "../../../packages/sigil/src/gateway/core/client-address.ts";
import { type Listening, listen } from "../../../packages/sigil/src/gateway/core/server.ts";
import { Decider } from "../../../packages/sigil/src/gateway/decide/decider.ts";
import type { Original, ProxyName } from "../../../packages/sigil/src/gateway/decide/original.ts";
import { DecideServer } from "../../../packages/sigil/src/gateway/decide/server.ts";
import type { Row } from "../../../packages/sigil/src/gateway/observer.ts";
import { freePort } from "../../e2e/support/free-port.ts";
import { answering, openPlain } from "./client.ts";
import { COMMANDS } from "./configured.ts";
import { openUpstream } from "./upstream.ts";

/** As an owner writes them. */
const ROUTES = [
  { match: "* /open/**", access: "free" },
  { match: "* /paid/**", access: "paid", price: "10 sat" },
  { match: "* /dear/**", price: "0.01 usd" },
  { match: "* /trial/**", access: "freebie", freePerDay: 2, price: "0.01 usd" },
  { match: "* /reports/**", capability: "reports" },
  { match: "* /**" },
];

export type Stage = Awaited<ReturnType<typeof openStage>>;

export async function openStage(name: ProxyName, binary: string) {
  const folder = mkdtempSync(join(tmpdir(), `sigil-${name}-`));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  certify(cert, key);
  const upstream = await openUpstream();
  const [proxy, port] = [await freePort(), await freePort()];
  const plain = await openPlain(proxy);
  const town = await devTown();
  const { clock } = town;
  const authority = new Authority({
    secret: "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8",
    location: plain.url,
    service: "api",
    clock,
  });
  let invoicer: Invoicer | undefined;
  await town.openShop({
    service(place) {
      invoicer = place.invoicer;
      return () => new Response();
    },
  });
  const store = new MemoryStore();
  const alarms: unknown[] = [];
  const alarm = (...what: unknown[]) => alarms.push(what);
  const paywall = new Paywall({
    ...{ authority, store, clock, alarm, revocations: { store } },
    invoicer: () => invoicer!,
    challengesPerMinute: { perClient: 10_000, total: 10_000 },
  });
  const { routes } = schema.parse({ proxy: name, location: plain.url, routes: ROUTES });
  const decider = new Decider(paywall, routes);
  /** What was asked, but for nginx's first question about what is denied. */
  const originals: Original[] = [];
  const rows: Row[] = [];
  const server = new DecideServer({
    ...{ proxy: name, alarm, clock },
    clients: new ClientAddresses(),
    decider: {
      paywall,
      async decide(original, lines, purpose, entry) {
        const decision = await decider.decide(original, lines, purpose, entry);
        if (purpose !== "announced" || decision.kind === "allowed") originals.push(original);
        return decision;
      },
    },
    observers: [{ settled: (row) => rows.push(row), denied: (row) => rows.push(row) }],
  });
  const openDecide = (): Promise<Listening> => listen(server.serve, { port });
  let decide: Listening | undefined = await openDecide();

  const place = { folder: join(folder, "proxy"), binary, cert, key };
  mkdirSync(place.folder);
  const ports = { proxy, decide: port, served: upstream.port };
  const [file, ...args] = COMMANDS[name]({ ...place, ports });
  const child = spawn(file!, args, {
    cwd: place.folder,
    env: { PATH: process.env.PATH, HOME: place.folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (log += part));
  const over = () => (child.exitCode === null ? undefined : `${name} ended:\n${log}`);
  await answering(proxy, over);

  return {
    ...{ name, port: proxy, url: plain.url, upstream, town, originals, rows, alarms, paywall },
    log: () => log,
    mint: (scope: Scope = {}): Credential =>
      authority.minter.mint({
        ...{ endpoints: [`* ${plain.url}/**`], expiresIn: "1h", budget: ["1 usd", "1000 sat"] },
        ...scope,
      }),
    /** Ends the decision service, as a crash would. */
    async stopDeciding(): Promise<void> {
      await decide?.close(0);
      decide = undefined;
    },
    async decideAgain(): Promise<void> {
      decide ??= await openDecide();
    },
    async close(): Promise<void> {
      child.kill("SIGKILL");
      await closed;
      await decide?.close(0);
      plain.close();
      upstream.close();
      decider.close();
      paywall.close();
      await town.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Makes a certificate that nothing but a test takes. */
export function certify(cert: string, key: string): void {
  const { status, stderr } = spawnSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-days", "2", "-subj", "/CN=api.example", "-keyout", key, "-out", cert],
      ...["-addext", "subjectAltName=DNS:api.example,IP:127.0.0.1"],
    ],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`openssl made no certificate: ${stderr}`);
}
