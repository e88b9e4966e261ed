/**
 * A 5xx to what was presented may be a gateway's, while the service answers: the next order asks
 * for that answer first. spec/4-purchase.md §4.5, §4.6.
 */
import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { Credential } from "../l402/index.ts";
import {
  ask402,
  challenger,
  type Received,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";
import type { TreasuryOptions } from "./index.ts";

interface Kept {
  readonly status: number;
  readonly text: string;
}

/** What happens to a request that is presented. */
interface Event {
  /** What the handler does: it answers 200 and counts the use, or fails with a status. */
  readonly handler?: number;
  /** What a gateway says in place of what the service says. */
  readonly gateway?: number;
  readonly declared?: "consumed" | "released";
  /** Whether the service says that the first request under this key still runs. */
  readonly running?: boolean;
  /** Whether the connection is closed in place of an answer. */
  readonly reset?: boolean;
}

/**
 * A service that sells single requests, counts a use with its answer, and may keep what it answered
 * under a key, behind a gateway.
 *
 * @param events what happens to the requests that are presented, in order; then all is served
 */
async function sold(world: Town, keeps: boolean, events: Event[]) {
  const kept = new Map<string, Kept>();
  const used = new Set<string>();
  const served: string[] = [];
  const shop = await site(async ({ headers }: Received, response: ServerResponse, url) => {
    const { authorization, "idempotency-key": key } = headers;
    const scope = { endpoints: [`GET ${url}/**`], maxUses: 1, expiresIn: "1h" } as const;
    const demand = async () => ask402(response, await challenger(world, url).demand({ scope }));
    if (authorization === undefined) return demand();
    const { paymentHash } = Credential.parse(authorization.slice("L402 ".length));
    const { handler = 200, gateway, declared, reset, running } = events.shift() ?? {};
    if (running) return response.writeHead(409, PROBLEM).end(RUNNING);
    const id = `${paymentHash} ${key}`;
    let answer = kept.get(id);
    if (answer === undefined) {
      if (used.has(paymentHash)) return gateway === undefined ? demand() : fail(response, gateway);
      const isAnswer = handler === 200 || declared === "consumed";
      if (isAnswer) {
        used.add(paymentHash);
        served.push(String(key));
      }
      answer = { status: handler, text: isAnswer ? `answer ${served.length}` : "no answer" };
      if (keeps) kept.set(id, answer);
    }
    if (reset) return response.destroy();
    if (gateway !== undefined) return fail(response, gateway);
    response.writeHead(answer.status, declared && { "sigil-use": declared }).end(answer.text);
  });
  return { url: `${shop.url}/a`, served, shop };
}

const PROBLEM = { "content-type": "application/problem+json" };
const RUNNING = JSON.stringify({ code: "ERR_REQUEST_RUNNING", detail: "It still runs." });

const fail = (response: ServerResponse, status: number): unknown =>
  response.writeHead(status).end("gateway");

/** One agent, whose orders are relayed. */
async function agent(keeps: boolean, events: Event[], options: Partial<TreasuryOptions> = {}) {
  const world = await town(options);
  const service = await sold(world, keeps, events);
  const credential = world.mint({ maxUses: 1000 });
  const ask = async (id: string = crypto.randomUUID(), more: object = {}): Promise<string> => {
    const request = { id, credential: credential.toString(), method: "GET", url: service.url };
    try {
      const purchase = await world.treasury.buy({ ...request, headers: [], ...more });
      if (purchase.kind !== "response") throw new Error("it was handed over");
      return `${purchase.response.status} ${await purchase.response.text()}`;
    } catch (error) {
      return String((error as { code?: string }).code ?? error);
    }
  };
  return { world, ...service, ask };
}

const FIRST = "the-first-order";
const STATUSES = [500, 502, 503, 504];

describe.each(STATUSES)("a relay that is answered %i", (status) => {
  /** What happened at the service, what it keeps, and what the next request is answered. */
  const rows: readonly (readonly [
    what: string,
    keeps: boolean,
    events: Event[],
    order: "new" | "same",
    answer: string,
    payments: number,
  ])[] = [
    ["by a gateway", true, [{ gateway: status }], "new", "200 answer 1", 1],
    ["by a gateway", true, [{ gateway: status }], "same", "200 answer 1", 1],
    ["by a gateway", false, [{ gateway: status }], "new", "200 answer 2", 2],
    ["by a gateway", false, [{ gateway: status }], "same", "ERR_ANSWER_LOST", 1],
    ["by its handler", true, [{ handler: status }], "new", "200 answer 1", 1],
    ["by its handler", true, [{ handler: status }], "same", `${status} no answer`, 1],
    ["by its handler", false, [{ handler: status }], "new", "200 answer 1", 1],
    ["by its handler", false, [{ handler: status }], "same", "200 answer 1", 1],
  ];
  test.each(rows)(
    "%s, at a service that keeps answers: %s. The next request: %#",
    async (_what, keeps, events, order, answer, payments) => {
      const { world, ask } = await agent(keeps, [...events]);
      expect(await ask(FIRST)).toMatch(new RegExp(`^${status} `));
      expect(await ask(order === "same" ? FIRST : undefined)).toBe(answer);
      expect(world.paid().count).toBe(payments);
      expect(world.alarms).toEqual([]);
    },
  );
});

test.each([404, 429])(
  "a %i is the service's own word: the next order has its own key",
  async (status) => {
    const failed = await agent(true, [{ handler: status }]);
    expect(await failed.ask()).toBe(`${status} no answer`);
    expect(await failed.ask()).toBe("200 answer 1");
    expect(failed.world.paid().count).toBe(1);
    const hidden = await agent(true, [{ gateway: status }]);
    expect(await hidden.ask()).toBe(`${status} gateway`);
    expect(await hidden.ask()).toBe("200 answer 2");
    expect(hidden.world.paid().count).toBe(2);
  },
);

test("a 5xx that the handler declared to be an answer is nobody else's", async () => {
  const { world, ask, served } = await agent(true, [{ handler: 500, declared: "consumed" }]);
  expect(await ask()).toBe("500 answer 1");
  expect(await ask()).toBe("200 answer 2");
  expect(new Set(served).size).toBe(2);
  expect(world.paid().count).toBe(2);
});

test("a gateway that fails for a while costs nothing: the answer is there when it is back", async () => {
  const down = Array.from({ length: 6 }, () => ({ gateway: 503 }));
  const { world, ask, served } = await agent(true, [{ gateway: 504 }, ...down]);
  expect(await ask()).toBe("504 gateway");
  // Each new order presents it twice: for the lost answer, and by its own key.
  for (let order = 0; order < 3; order++) expect(await ask()).toBe("503 gateway");
  expect(await ask()).toBe("200 answer 1");
  expect(served).toHaveLength(1);
  expect(world.paid().count).toBe(1);
});

test("if the gateway hides the answer again, and not the refusal of another key, nothing is paid", async () => {
  const { world, ask } = await agent(true, [{ gateway: 504 }, { gateway: 502 }]);
  expect(await ask()).toBe("504 gateway");
  expect(await ask()).toBe("200 answer 1");
  expect(world.paid().count).toBe(1);
});

test.each<[string, Event[], number]>([
  ["a 504", [{ gateway: 504 }], 504],
  // Twice, because a request on a kept connection is sent again at once.
  ["connections that were closed", [{ reset: true }, { reset: true }], 200],
])(
  "an answer that an order received after %s is given to no other order, although nobody said that it arrived",
  async (_what, events, status) => {
    const world = await town();
    const { url } = await sold(world, true, [...events]);
    const credential = world.mint({ maxUses: 1000 });
    // Across HTTP, and by an agent that says nothing of what arrived.
    const post = async (id: string): Promise<string> => {
      const response = await fetch(`${world.treasury.location}/v1/purchases`, {
        method: "POST",
        headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
        body: JSON.stringify({ id, method: "GET", url, headers: [] }),
      });
      return `${response.status} ${await response.text()}`;
    };
    const first = await post(FIRST);
    expect(first).toMatch(new RegExp(`^${status} `));
    expect(status === 200 ? first : await post("the-second-order")).toBe("200 answer 1");
    expect(await post("the-third-order")).toBe("200 answer 2");
    expect(world.paid().count).toBe(2);
  },
);

test("an order that took what was lost has its answer again", async () => {
  const { world, ask } = await agent(true, [{ gateway: 504 }]);
  const taker = "the-order-that-took-it";
  expect(await ask(FIRST)).toBe("504 gateway");
  expect(await ask(taker)).toBe("200 answer 1");
  // The treasury keeps its answer for ten minutes, and the service for as long as it holds.
  world.clock.advance("601s");
  expect(await ask(taker)).toBe("200 answer 1");
  expect(world.paid().count).toBe(1);
});

test("after ten minutes an answer that was lost is too old for a new order", async () => {
  const { world, ask } = await agent(true, [{ gateway: 504 }]);
  expect(await ask(FIRST)).toBe("504 gateway");
  world.clock.advance("601s");
  expect(await ask()).toBe("200 answer 2");
  expect(world.paid().count).toBe(2);
  // The order itself may have it.
  expect(await ask(FIRST)).toBe("200 answer 1");
});

test.each([
  ["is waited for", 3, "200 answer 1"],
  ["is passed on after five pauses, and costs nothing", 6, "409 "],
])("what still runs behind a gateway's 504 %s", async (_what, times, answer) => {
  const running = Array.from({ length: times }, () => ({ running: true }));
  const pauses: number[] = [];
  const sleep = async (seconds: number) => void pauses.push(seconds);
  const { world, ask } = await agent(true, [{ gateway: 504 }, ...running], { sleep });
  expect(await ask()).toBe("504 gateway");
  expect(await ask()).toMatch(new RegExp(`^${answer}`));
  expect(pauses).toEqual([0.02, 0.1, 0.5, 1, 1].slice(0, times));
  if (times > 5) expect(await ask()).toBe("200 answer 1");
  expect(world.paid().count).toBe(1);
});

test("an agent that gives keys: a repeated one has the answer, another one is another request", async () => {
  const key = (value: string) => ({ headers: [["idempotency-key", value]] });
  const one = await agent(true, [{ gateway: 504 }]);
  expect(await one.ask(undefined, key("k1"))).toBe("504 gateway");
  expect(await one.ask(undefined, key("k1"))).toBe("200 answer 1");
  expect(one.world.paid().count).toBe(1);
  const other = await agent(true, [{ gateway: 504 }]);
  expect(await other.ask(undefined, key("k1"))).toBe("504 gateway");
  expect(await other.ask(undefined, key("k2"))).toBe("200 answer 2");
  expect(other.world.paid().count).toBe(2);
});

test("an order without a key has the answer that was lost under a key", async () => {
  const { world, ask } = await agent(true, [{ gateway: 504 }]);
  expect(await ask(undefined, { headers: [["idempotency-key", "k1"]] })).toBe("504 gateway");
  expect(await ask()).toBe("200 answer 1");
  expect(world.paid().count).toBe(1);
});

describe("a credential that was handed over, and a 5xx", () => {
  test.each(STATUSES)("%i by a gateway: the next request has the kept answer", async (status) => {
    const world = await town();
    const events: Event[] = [{ gateway: status }];
    const { url } = await sold(world, true, events);
    const client = world.connect(world.mint());
    expect((await client.get(url)).status).toBe(status);
    const second = await client.get(url);
    expect([second.status, await second.text()]).toEqual([200, "answer 1"]);
    expect(world.paid().count).toBe(1);
  });
});
