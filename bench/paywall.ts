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
import { atLeast, type Measured } from "./figure.ts";
import {
  addedFigures,
  askedBy,
  type Framework,
  leastOf,
  NAMES,
  noRounds,
} from "./paywall-kinds.ts";

const ROUNDS = 9;
const REQUESTS = 8000;
const CONNECTIONS = 64;

export interface Served {
  readonly url: string;
  readonly urls: Readonly<Record<Framework, string>>;
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

/** @param part `process` measures without sockets; without a part both are measured */
export async function paywall(
  progress: (text: string) => void,
  part?: string,
): Promise<Extract<Measured, { figures: unknown }>> {
  const { paywallInProcess } = await import("./paywall-process.ts");
  if (part === "process") return paywallInProcess(progress);
  if (part !== undefined) throw new Error(`paywall has no part "${part}"; it has "process"`);
  const inProcess = await paywallInProcess(progress);
  const overSockets = await paywallOverSockets(progress);
  return {
    figures: [...inProcess.figures, ...overSockets.figures],
    details: { ...inProcess.details, ...overSockets.details },
  };
}

function paywallOverSockets(
  progress: (text: string) => void,
): Promise<Extract<Measured, { figures: unknown }>> {
  const load = loadavg();
  return withServer(async (served, server) => {
    const rounds = noRounds();
    for (let round = -1; round < ROUNDS; round++) {
      for (const kind of NAMES) {
        const { framework, path, isCounted } = askedBy(kind);
        const before = await server.cpu();
        await request(served.urls[framework] + path, isCounted ? served.counted : served.warm);
        const used = (await server.cpu()) - before;
        if (round >= 0) rounds[kind].push(used / REQUESTS);
      }
      progress(`paywall: round ${round + 1} of ${ROUNDS}`);
    }
    return {
      figures: [
        ...addedFigures(rounds, "paywall adds"),
        atLeast(
          "paywalled Hono route, around the handler, warm credential",
          (100 * leastOf(rounds, "bareHono")) / leastOf(rounds, "hono"),
          "%",
          90,
          "the bare route, requests for each second of the server's CPU",
        ),
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
