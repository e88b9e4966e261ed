/**
 * What a relayed answer of a free service costs a treasury, beside a plain proxy: CPU time of
 * either process for each request and each megabyte, in turn. Requests a second would be noise,
 * because all processes share their cores.
 */
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { resolve } from "node:path";
import { PURCHASES_PATH } from "l8nt/treasury";
import { atLeast, type Measured, median, plain } from "./figure.ts";
import { openTown } from "./treasury-town.ts";

const ROUNDS = 7;
const AT_ONCE = 16;
const MIB = 2 ** 20;
/** Each kind: the path, the bytes of an answer, and the requests of a round. */
const KINDS = { small: ["/small", 9, 800], large: ["/large", 8 * MIB, 32] } as const;
type Kind = keyof typeof KINDS;

export async function relay(progress: (text: string) => void): Promise<Measured> {
  const bodies = { "/small": Buffer.from("served by"), "/large": randomBytes(8 * MIB) };
  const town = await openTown({
    free: ({ url }, response) => void response.end(bodies[url as keyof typeof bodies]),
  });
  const proxy = fork(resolve(import.meta.dirname, "relay-proxy.ts"), [town.shop]);
  const [{ url }] = (await once(proxy, "message")) as [{ url: string }];
  const proxyCpu = async (): Promise<number> => {
    proxy.send("cpu");
    return ((await once(proxy, "message")) as [{ answer: number }])[0].answer;
  };
  const order = (location: string) => (path: string) =>
    fetch(location + PURCHASES_PATH, {
      method: "POST",
      headers: { authorization: `L402 ${town.credential}`, "content-type": "application/json" },
      body: JSON.stringify({
        id: randomBytes(16).toString("hex"),
        method: "GET",
        url: town.shop + path,
        headers: [],
      }),
    });
  const ways = {
    treasury: { ask: order(town.location), cpu: () => town.ask("cpu") },
    proxy: { ask: (path: string) => fetch(url + path), cpu: proxyCpu },
    // The same bytes in as the treasury has.
    orders: { ask: order(url), cpu: proxyCpu },
  };
  const cpu = Object.fromEntries(
    Object.keys(ways).map((way) => [way, { small: [], large: [] }]),
  ) as unknown as Record<keyof typeof ways, Record<Kind, number[]>>;
  try {
    for (let round = -1; round < ROUNDS; round++) {
      for (const kind of Object.keys(KINDS) as Kind[]) {
        const [path, bytes, requests] = KINDS[kind];
        for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
          let left = requests as number;
          const before = await ways[way].cpu();
          const agent = async () => {
            while (left-- > 0) {
              const response = await ways[way].ask(path);
              const { byteLength } = await response.arrayBuffer();
              if (response.status !== 200 || byteLength !== bytes)
                throw new Error(`the ${way} answered ${response.status}, ${byteLength} bytes`);
            }
          };
          await Promise.all(Array.from({ length: AT_ONCE }, agent));
          const used = (await ways[way].cpu()) - before;
          if (round >= 0) cpu[way][kind].push(used / requests);
        }
      }
      progress(`relay: round ${round + 1} of ${ROUNDS}`);
    }
  } finally {
    proxy.disconnect();
    await town.stop();
  }
  const share = (kind: Kind): number =>
    median(cpu.treasury[kind].map((own, round) => (100 * cpu.proxy[kind][round]!) / own));
  const against = "a plain undici proxy, for each second of the process's CPU";
  return [
    atLeast("relayed MB", share("large"), "%", 60, against),
    atLeast("relayed small requests", share("small"), "%", 60, against),
    plain("CPU a small relayed request", median(cpu.treasury.small), "µs", "-"),
    plain("CPU a small request of the proxy", median(cpu.proxy.small), "µs", "-"),
    plain(
      "CPU a small request of the proxy, if it reads an order",
      median(cpu.orders.small),
      "µs",
      "-",
    ),
    plain("CPU a relayed MiB", median(cpu.treasury.large) / 8, "µs", "-"),
    plain("CPU a MiB of the proxy", median(cpu.proxy.large) / 8, "µs", "-"),
  ];
}
