/**
 * What a decision costs: CPU time of the decision service for each request that nginx asks about,
 * beside a server that only says yes; and what asking adds to a request through nginx, in turn.
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Pool } from "undici";
import { freePort } from "../test/e2e/support/free-port.ts";
import { tool } from "../test/net/support/debian.ts";
import { answering } from "../test/proxies/support/client.ts";
import { COMMANDS } from "../test/proxies/support/configured.ts";
import { certify } from "../test/proxies/support/stage.ts";
import type { DecideKind } from "./decide-server.ts";
import { type Measured, median, plain } from "./figure.ts";

const ROUNDS = 7;
const AT_ONCE = 32;
const REQUESTS = 3000;
const ONE_BY_ONE = 400;

interface Way {
  readonly child: ChildProcess;
  readonly url: string;
  readonly pool: Pool;
  readonly key?: string;
  readonly counted?: string;
}

export async function decide(progress: (text: string) => void): Promise<Measured> {
  const children: ChildProcess[] = [];
  const folder = mkdtempSync(join(tmpdir(), "sigil-bench-decide-"));
  const forked = async (kind: DecideKind): Promise<Way> => {
    const child = fork(resolve(import.meta.dirname, "decide-server.ts"), [kind], {
      execArgv: ["--conditions=l8nt-source", "--no-warnings"],
    });
    children.push(child);
    const [way] = (await once(child, "message")) as [Pick<Way, "url" | "key" | "counted">];
    return { ...way, child, pool: new Pool(way.url, { connections: AT_ONCE }) };
  };
  const cpu = async ({ child }: Way): Promise<number> => {
    child.send("cpu");
    return ((await once(child, "message")) as [{ answer: number }])[0].answer;
  };
  const ask = async (pool: Pool, path: string, headers: Record<string, string>): Promise<void> => {
    const { statusCode, body } = await pool.request({ method: "GET", path, headers });
    await body.dump();
    if (statusCode !== 200) throw new Error(`answered ${statusCode}`);
  };
  try {
    const [yes, deciding] = [await forked("yes"), await forked("decide")];
    const asked = { "x-original-method": "GET", "x-original-uri": "/v1/reports/7?a=b" };
    const bearer = (key = "none") => ({ authorization: `Bearer ${key}` });
    const cases = {
      yes: [yes, bearer(deciding.key)],
      credential: [deciding, bearer(deciding.key)],
      counted: [deciding, bearer(deciding.counted)],
    } as const;
    const names = Object.keys(cases) as (keyof typeof cases)[];
    const used: Record<keyof typeof cases, number[]> = { yes: [], credential: [], counted: [] };
    for (let round = -1; round < ROUNDS; round++) {
      for (const name of names) {
        const [way, fields] = cases[name];
        let left = REQUESTS;
        const before = await cpu(way);
        const client = async (): Promise<void> => {
          while (left-- > 0) await ask(way.pool, "/decide", { ...asked, ...fields });
        };
        await Promise.all(Array.from({ length: AT_ONCE }, client));
        if (round >= 0) used[name].push(((await cpu(way)) - before) / REQUESTS);
      }
      progress(`decide: round ${round + 1} of ${ROUNDS}`);
    }
    const more = (name: keyof typeof cases): number =>
      median(used[name].map((own, round) => own - used.yes[round]!));
    const against = "a server that says yes to each request, in CPU time of the process";
    const figures = [
      plain("a decision about a credential adds", more("credential"), "µs", against),
      plain("a decision that counts a use in memory adds", more("counted"), "µs", against),
      plain("CPU a request: the server that says yes", median(used.yes), "µs", "-"),
    ];
    const found = tool("nginx");
    if ("missing" in found) return figures;

    /** nginx with its shipped configuration, or with the question left out of it. */
    const proxied = async (isAsked: boolean): Promise<Pool> => {
      const place = join(folder, String(isAsked));
      mkdirSync(place);
      const [cert, key] = [join(place, "cert.pem"), join(place, "key.pem")];
      certify(cert, key);
      const port = (way: Way): number => Number(new URL(way.url).port);
      const ports = { proxy: await freePort(), decide: port(deciding), served: port(yes) };
      const at = { folder: place, binary: found.path, cert, key, ports };
      const [file, ...args] = COMMANDS.nginx(at);
      if (!isAsked) {
        const site = join(place, "site.conf");
        writeFileSync(site, readFileSync(site, "utf8").replace("auth_request /_sigil/decide;", ""));
      }
      const child = spawn(file!, args, { stdio: "ignore" });
      children.push(child);
      await answering(ports.proxy, () => (child.exitCode === null ? undefined : "nginx ended"));
      const connect = { rejectUnauthorized: false };
      return new Pool(`https://127.0.0.1:${ports.proxy}`, { connections: 1, connect });
    };
    const through = { without: await proxied(false), with: await proxied(true) };
    const added: { readonly p50: number[]; readonly p99: number[] } = { p50: [], p99: [] };
    for (let round = -1; round < ROUNDS; round++) {
      const times = async (pool: Pool): Promise<readonly number[]> => {
        const all: number[] = [];
        for (let one = 0; one < ONE_BY_ONE; one++) {
          const from = performance.now();
          await ask(pool, "/v1/reports/7", bearer(deciding.key));
          all.push(performance.now() - from);
        }
        return all.sort((a, b) => a - b);
      };
      const [without, asking] = [await times(through.without), await times(through.with)];
      if (round < 0) continue;
      for (const [name, share] of [
        ["p50", 0.5],
        ["p99", 0.99],
      ] as const) {
        const at = Math.floor(ONE_BY_ONE * share);
        added[name].push(1000 * (asking[at]! - without[at]!));
      }
      progress(`decide: nginx, round ${round + 1} of ${ROUNDS}`);
    }
    await Promise.all(Object.values(through).map((pool) => pool.destroy()));
    const nginx = "the same nginx without auth_request, one request after the other";
    return [
      ...figures,
      plain("asking adds to a request through nginx, p50", median(added.p50), "µs", nginx),
      plain("asking adds to a request through nginx, p99", median(added.p99), "µs", nginx),
    ];
  } finally {
    for (const child of children) {
      if (child.connected) child.disconnect();
      else child.kill();
    }
    rmSync(folder, { recursive: true, force: true });
  }
}
