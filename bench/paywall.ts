/**
 * What a paywall costs a route with a warm credential: CPU time of the server for each request,
 * bare and paywalled in turn. Requests a second would be noise, because server and client share
 * their cores.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { loadavg } from "node:os";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import autocannon from "autocannon";
import { atLeast, atMost, type Figure, type Measured, plain } from "./figure.ts";

const ROUNDS = 9;
const REQUESTS = 8000;
const CONNECTIONS = 64;

export interface Served {
  readonly url: string;
  readonly urls: Readonly<Record<"hono" | "fastify" | "express" | "node", string>>;
  readonly warm: string;
  readonly counted: string;
}

interface Server {
  /** CPU microseconds of its process so far. */
  cpu(): Promise<number>;
}

/** Runs something against the server, in a process of its own. */
export async function withServer<Result>(
  act: (served: Served, server: Server) => Promise<Result>,
): Promise<Result> {
  const child = fork(resolve(import.meta.dirname, "paywall-server.ts"), {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const cpu = async (): Promise<number> => {
    child.send("cpu");
    const [{ user, system }] = (await once(child, "message")) as [NodeJS.CpuUsage];
    return user + system;
  };
  try {
    return await act(await announced(child), { cpu });
  } finally {
    child.disconnect();
    await once(child, "exit");
  }
}

/** Each kind: where it is asked for, whether every use is counted, and the bare route beside it. */
const KINDS = {
  bareNode: ["node", "/bare"],
  node: ["node", "/paid", "bareNode"],
  bareFastify: ["fastify", "/bare"],
  fastify: ["fastify", "/paid", "bareFastify"],
  bareExpress: ["express", "/bare"],
  express: ["express", "/paid", "bareExpress"],
  bareHono: ["hono", "/bare"],
  hono: ["hono", "/around", "bareHono"],
  honoMiddleware: ["hono", "/paid", "bareHono"],
  honoNoOp: ["hono", "/no-op", "bareHono"],
  honoCounted: ["hono", "/around", "bareHono", "counted"],
} as const;
type Kind = keyof typeof KINDS;
const NAMES = Object.keys(KINDS) as Kind[];

export function paywall(progress: (text: string) => void): Promise<Measured> {
  const load = loadavg();
  return withServer(async (served, server) => {
    const cpu = Object.fromEntries(NAMES.map((kind) => [kind, [] as number[]])) as Record<
      Kind,
      number[]
    >;
    for (let round = -1; round < ROUNDS; round++) {
      for (const kind of NAMES) {
        const [framework, path, , counted] = KINDS[kind] as readonly string[];
        const token = counted === undefined ? served.warm : served.counted;
        const before = await server.cpu();
        await request(served.urls[framework as keyof Served["urls"]] + path, token);
        const used = (await server.cpu()) - before;
        if (round >= 0) cpu[kind].push(used / REQUESTS);
      }
      progress(`paywall: round ${round + 1} of ${ROUNDS}`);
    }
    // The least of the rounds, which take turns: whatever else the machine does only adds to it.
    const least = (kind: Kind): number => Math.min(...cpu[kind]);
    const bareOf = (kind: Kind): number => least(KINDS[kind][2] as Kind);
    const added = (kind: Kind): number => least(kind) - bareOf(kind);
    const adds = (kind: Kind, name: string, most: number): Figure =>
      atMost(`paywall adds, CPU a request: ${name}`, added(kind), "µs", most, "its bare route");
    return {
      figures: [
        adds("node", "node:http", 2),
        adds("fastify", "Fastify", 2),
        adds("hono", "Hono, around the handler", 2),
        adds("honoMiddleware", "Hono, middleware", 4),
        adds("express", "Express, middleware", 4),
        adds("honoCounted", "Hono, every use counted in memory", 8),
        atLeast(
          "paywalled Hono route, around the handler, warm credential",
          (100 * bareOf("hono")) / least("hono"),
          "%",
          90,
          "the bare route, requests for each second of the server's CPU",
        ),
        plain("a Hono middleware that does nothing adds, CPU", added("honoNoOp"), "µs", "-"),
        ...NAMES.map((kind) => plain(`CPU a request: ${kind}`, least(kind), "µs", "-")),
      ],
      details: { paywallLoad: { before: load, after: loadavg() } },
    };
  });
}

async function announced(server: ChildProcess): Promise<Served> {
  for await (const line of createInterface({ input: server.stdout! }))
    return JSON.parse(line) as Served;
  throw new Error("the bench's server did not start");
}

async function request(url: string, token: string): Promise<void> {
  const { non2xx, errors } = await autocannon({
    url,
    headers: { authorization: `L402 ${token}` },
    connections: CONNECTIONS,
    amount: REQUESTS,
  });
  if (non2xx > 0 || errors > 0) throw new Error(`${url}: ${non2xx} refused, ${errors} failed`);
}
