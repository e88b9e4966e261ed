/**
 * What the gateway adds to a request of a model: CPU time of its process for each request, beside
 * its own data path without credentials and beside a proxy library, in turn. Requests a second
 * would be noise, because all processes share their cores.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { Pool } from "undici";
import { atLeast, atMost, type Measured, median, plain } from "./figure.ts";
import { latencies } from "./gateway-latency.ts";
import type { GatewayKind } from "./gateway-server.ts";
import { LONG_KILOBYTES, peakOfStreams, SHORT_KILOBYTES, STREAMS } from "./gateway-streams.ts";

const ROUNDS = 9;
const AT_ONCE = 64;
const REQUESTS = 2000;
/** A process serves for days. Its code is compiled well after some ten thousand requests. */
const WARM_REQUESTS = 10_000;

interface Way {
  readonly child: ChildProcess;
  readonly url: string;
  readonly pool: Pool;
  readonly key: string;
}

const ASKED = JSON.stringify({
  model: "gpt-test",
  max_tokens: 100,
  messages: [{ role: "user", content: "What is the weather in Tokyo?" }],
});

export async function gateway(progress: (text: string) => void): Promise<Measured> {
  const children: ChildProcess[] = [];
  const forked = async (kind: GatewayKind, origin = ""): Promise<Way> => {
    const child = fork(resolve(import.meta.dirname, "gateway-server.ts"), [kind, origin], {
      execArgv: ["--conditions=l8nt-source", "--no-warnings"],
    });
    children.push(child);
    // A child that cannot start would be waited for without end.
    const ended = once(child, "exit").then(() => {
      throw new Error(`the process ${kind} ended`);
    });
    ended.catch(() => {});
    const [{ url, key = "none" }] = (await Promise.race([once(child, "message"), ended])) as [
      { readonly url: string; readonly key?: string },
    ];
    return { child, url, key, pool: new Pool(url, { connections: AT_ONCE }) };
  };
  const cpu = async ({ child }: Way): Promise<number> => {
    child.send("cpu");
    return ((await once(child, "message")) as [{ answer: number }])[0].answer;
  };
  const ask = async ({ pool, key }: Way, isMetered: boolean): Promise<void> => {
    const { statusCode, body } = await pool.request({
      method: isMetered ? "POST" : "GET",
      path: isMetered ? "/v1/chat/completions" : "/v1/models",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(isMetered && { body: ASKED }),
    });
    await body.dump();
    if (statusCode !== 200) throw new Error(`answered ${statusCode}`);
  };
  try {
    const vendor = await forked("vendor");
    const { url } = vendor;
    const ways = {
      bare: await forked("bare", url),
      fastify: await forked("fastify", url),
      memory: await forked("memory", url),
      unwatched: await forked("unwatched", url),
      sqlite: await forked("sqlite", url),
    };
    const names = Object.keys(ways) as (keyof typeof ways)[];
    const used = (): Record<keyof typeof ways, number[]> => ({
      bare: [],
      fastify: [],
      memory: [],
      unwatched: [],
      sqlite: [],
    });
    const free = used();
    const metered = used();
    for (let round = -1; round < ROUNDS; round++) {
      for (const isMetered of [false, true])
        for (const name of names) {
          const way = ways[name];
          let left = round < 0 ? WARM_REQUESTS : REQUESTS;
          const before = await cpu(way);
          const client = async (): Promise<void> => {
            while (left-- > 0) await ask(way, isMetered);
          };
          await Promise.all(Array.from({ length: AT_ONCE }, client));
          const each = ((await cpu(way)) - before) / REQUESTS;
          if (round >= 0) (isMetered ? metered : free)[name].push(each);
        }
      progress(`gateway: round ${round + 1} of ${ROUNDS}`);
    }
    const added = await latencies({ direct: vendor, gateway: ways.sqlite }, progress);
    const short = await forked("sqlite", url);
    const early = await peakOfStreams(short, SHORT_KILOBYTES);
    progress(`gateway: ${STREAMS} streams of ${SHORT_KILOBYTES} kB`);
    const long = await forked("sqlite", url);
    const late = await peakOfStreams(long, LONG_KILOBYTES);
    progress(`gateway: ${STREAMS} streams of ${LONG_KILOBYTES} kB`);
    const share = (
      of: ReturnType<typeof used>,
      name: keyof typeof ways,
      than: keyof typeof ways,
    ): number => median(of[name].map((own, round) => of[than][round]! / own));
    const path = "its own data path without credentials, for each second of the process's CPU";
    const library = "@fastify/http-proxy, for each second of the process's CPU";
    return [
      atLeast("an unmetered request", 100 * share(free, "memory", "bare"), "%", 90, path),
      atLeast("an unmetered request", share(free, "memory", "fastify"), "×", 1.5, library),
      atLeast("metered in memory", 100 * share(metered, "memory", "bare"), "%", 80, path),
      atLeast("metered in memory", share(metered, "memory", "fastify"), "×", 1, library),
      atLeast("metered in SQLite", 100 * share(metered, "sqlite", "bare"), "%", 50, path),
      ...added,
      atMost(
        `peak RSS with ${STREAMS} streams of ${LONG_KILOBYTES} kB and slow readers`,
        late / early,
        "×",
        1.2,
        `peak RSS with ${STREAMS} streams of ${SHORT_KILOBYTES} kB`,
      ),
      plain("peak RSS with the long streams", late, "bytes", "-"),
      plain("peak RSS with the short streams", early, "bytes", "-"),
      ...names.flatMap((name) => [
        plain(`CPU a GET: ${name}`, median(free[name]), "µs", "-"),
        plain(`CPU a POST: ${name}`, median(metered[name]), "µs", "-"),
      ]),
    ];
  } finally {
    for (const child of children) child.disconnect();
  }
}
