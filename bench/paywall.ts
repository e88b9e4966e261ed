/**
 * What a paywall costs a Hono route with a warm credential: requests a second, bare and paywalled
 * in turn.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import autocannon from "autocannon";
import { atLeast, type Figure, median, plain } from "./figure.ts";

const ROUNDS = 7;
const SECONDS = 2;
const CONNECTIONS = 64;

export interface Served {
  readonly url: string;
  readonly warm: string;
  readonly counted: string;
}

/** Runs something against the server, in a process of its own. */
export async function withServer<Result>(
  act: (served: Served) => Promise<Result>,
): Promise<Result> {
  const server = fork(resolve(import.meta.dirname, "paywall-server.ts"), {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  try {
    return await act(await announced(server));
  } finally {
    server.disconnect();
    await once(server, "exit");
  }
}

export function paywall(progress: (text: string) => void): Promise<Figure[]> {
  return withServer(async (served) => {
    const kinds = {
      bare: { url: `${served.url}/bare`, headers: { authorization: `L402 ${served.warm}` } },
      paid: { url: `${served.url}/paid`, headers: { authorization: `L402 ${served.warm}` } },
      counted: { url: `${served.url}/paid`, headers: { authorization: `L402 ${served.counted}` } },
    };
    const rates: Record<keyof typeof kinds, number[]> = { bare: [], paid: [], counted: [] };
    for (let round = -1; round < ROUNDS; round++)
      for (const kind of Object.keys(kinds) as (keyof typeof kinds)[]) {
        const rate = await requestsPerSecond(kinds[kind]);
        if (round >= 0) rates[kind].push(rate);
        progress(
          `paywall: round ${round + 1} of ${ROUNDS}, ${kind}: ${Math.round(rate)} requests/s`,
        );
      }
    // Round by round: the machine may be slower in one than in another, but not between two
    // neighbours.
    const share = (kind: "paid" | "counted") =>
      100 * median(rates[kind].map((rate, round) => rate / rates.bare[round]!));
    return [
      atLeast(
        "paywalled Hono route, warm credential",
        share("paid"),
        "%",
        85,
        "the same route without the paywall, 64 connections",
      ),
      plain(
        "paywalled Hono route, every use counted in memory",
        share("counted"),
        "%",
        "the same route without the paywall",
      ),
      plain("bare Hono route", median(rates.bare), "1/s", "-"),
    ];
  });
}

async function announced(server: ChildProcess): Promise<Served> {
  for await (const line of createInterface({ input: server.stdout! }))
    return JSON.parse(line) as Served;
  throw new Error("the bench's server did not start");
}

async function requestsPerSecond(options: {
  url: string;
  headers?: Record<string, string>;
}): Promise<number> {
  const result = await autocannon({ ...options, connections: CONNECTIONS, duration: SECONDS });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} refused, ${result.errors} failed`);
  return result["2xx"] / result.duration;
}
