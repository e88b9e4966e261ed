/**
 * The attacker of `bench -- flood`, a process of its own: it asks a shop for challenges and pays
 * none, sends a treasury orders for a service that never answers, and revokes sub-agents of its
 * own. Its parent says when; every count is reported at the end of a round.
 */
import { once } from "node:events";
import { Agent, request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Client, type Credential } from "l8nt";
import { PURCHASES_PATH } from "l8nt/treasury";

export interface Attack {
  readonly shop: string;
  readonly treasury: string;
  readonly credential: string;
  readonly seconds: number;
  readonly challengesPerSecond: number;
  readonly hangingOrders: number;
  readonly revocations: number;
}

/** What the attacker did in a round. */
export interface Attacked {
  /** Unpaid requests that were answered, by status. */
  readonly challenges: Readonly<Record<string, number>>;
  /** Orders that were answered or cut, by status; the others hung. */
  readonly orders: Readonly<Record<string, number>>;
  readonly revocations: Readonly<Record<string, number>>;
}

const TICK_MS = 20;
/** An order that was refused or cut is sent again after this. */
const AGAIN_MS = 5000;
/** A service that takes every request and answers none. */
const silent = createServer(() => {}).listen(0, "127.0.0.1");
await once(silent, "listening");
const service = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
const open = new Set<() => void>();

class Counts {
  readonly found: Record<string, number> = {};

  add(what: number | string): void {
    this.found[what] = (this.found[what] ?? 0) + 1;
  }
}

/** Resolves with the status, or with the code of the error. */
const ask = (
  url: string,
  agent: Agent,
  options: { method?: string; headers?: Record<string, string>; localAddress?: string } = {},
  body?: string,
) =>
  new Promise<number | string>((resolve) => {
    const outgoing = request(url, { agent, ...options }, (incoming) => {
      incoming.resume();
      incoming.on("close", () => resolve(incoming.statusCode ?? 0));
    });
    const cut = () => outgoing.destroy();
    open.add(cut);
    outgoing.on("error", (error) => resolve((error as NodeJS.ErrnoException).code ?? "error"));
    outgoing.on("close", () => open.delete(cut));
    outgoing.end(body);
  });

/** Runs something so often, evenly, for so long. */
async function evenly(
  perSecond: number,
  seconds: number,
  run: (at: number) => void,
): Promise<void> {
  const since = performance.now();
  let done = 0;
  for (;;) {
    const elapsed = (performance.now() - since) / 1000;
    const due = Math.floor(Math.min(elapsed, seconds) * perSecond);
    while (done < due) run(done++);
    if (elapsed >= seconds) return;
    await pause(TICK_MS);
  }
}

/** Any of 2^22 addresses of this machine, so that no client's own limit holds. */
const someAddress = (): string =>
  `127.${64 + Math.floor(Math.random() * 64)}.${Math.floor(Math.random() * 256)}.${1 + Math.floor(Math.random() * 254)}`;

async function attack(plan: Attack): Promise<Attacked> {
  const [challenges, orders, revocations] = [new Counts(), new Counts(), new Counts()];
  const client = new Client({ credential: plan.credential });
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const unkept = new Agent();
  let isOver = false;

  const flood = evenly(plan.challengesPerSecond, plan.seconds, () => {
    const options = { localAddress: someAddress() };
    void ask(`${plan.shop}/flood`, unkept, options).then((status) => challenges.add(status));
  });
  const hang = async (at: number) => {
    for (let round = 0; !isOver; round++) {
      const body = JSON.stringify({
        id: crypto.randomUUID(),
        method: "GET",
        url: `${service}/${at}/${round}`,
      });
      const headers = {
        authorization: `L402 ${plan.credential}`,
        "content-type": "application/json",
      };
      orders.add(
        await ask(plan.treasury + PURCHASES_PATH, agent, { method: "POST", headers }, body),
      );
      await pause(AGAIN_MS);
    }
  };
  const hanging = Array.from({ length: plan.hangingOrders }, (_, at) => hang(at));
  const revoke = async (child: Credential) => {
    try {
      await client.revoke(child);
      revocations.add("revoked");
    } catch (error) {
      revocations.add((error as { code?: string }).code ?? "error");
    }
  };
  await evenly(plan.revocations / plan.seconds, plan.seconds, (at) => {
    void revoke(client.delegate({ agent: `child-${at}` }));
  });
  await flood;
  const found = structuredClone({
    challenges: challenges.found,
    orders: orders.found,
    revocations: revocations.found,
  });
  isOver = true;
  for (const cut of open) cut();
  await Promise.all(hanging);
  await client.close();
  return found;
}

process.on("message", async (plan: Attack) => {
  process.send!({ attacked: await attack(plan) });
});
process.send!({ url: service });
