/**
 * One agent, with all that it derives, cannot use up the orders that a treasury has under way.
 * spec/4-purchase.md §7.
 */
import { Client } from "l8nt";
import { describe, expect, test, vi } from "vitest";
import { patience } from "../client/retry.ts";
import { RevocationList } from "../credential/index.ts";
import { watchWritten } from "../http/written.ts";
import { Shares } from "../internal/shares.ts";
import type { Credential } from "../l402/index.ts";
import { ask402, challenger, gate, site, type Town, town } from "../testing/fixtures/town.ts";
import { treasuryApi } from "./index.ts";
import { OrderEnds } from "./order-ends.ts";

/** A loaded machine takes more than the second that is usual. */
const until = (is: () => boolean | Promise<boolean>) => vi.waitUntil(is, { timeout: 20_000 });

const order = (world: Town, credential: Credential, url: string, signal?: AbortSignal) =>
  world.treasury
    .buy({
      id: crypto.randomUUID(),
      credential: credential.toString(),
      method: "GET",
      url,
      headers: [],
      ...(signal !== undefined && { signal }),
    })
    .then(
      (purchase) => purchase,
      (error: { code?: string }) => error.code ?? String(error),
    );

/** A site that answers at `/free`, and otherwise when it is told to. */
async function slowSite() {
  const waiting: (() => void)[] = [];
  const arrived = vi.fn();
  const { url } = await site(({ target }, response) => {
    if (target === "/free") return response.end("free");
    if (target === "/half") return response.write("half");
    arrived();
    return waiting.push(() => response.end("late"));
  });
  const answerAll = () => {
    for (const answer of waiting.splice(0)) answer();
  };
  return { url, arrived, answerAll };
}

async function start(maxOrders: number) {
  const world = await town({ maxOrders });
  const root = world.mint();
  const child = (of: Credential, agent: string) =>
    of.delegate({ agent, budget: "10 sat" }, { now: world.clock() });
  return { world, root, child, slow: await slowSite() };
}

test("an agent with orders that hang is refused more, its siblings are served, and then it is served again", async () => {
  const { world, root, child, slow } = await start(16);
  const [evil, good] = [child(root, "evil"), child(root, "good")];
  // A child's part of 16 is a quarter.
  const hanging = Array.from({ length: 4 }, (_, at) => order(world, evil, `${slow.url}/hang${at}`));
  await until(() => slow.arrived.mock.calls.length === 4);
  for (const who of [evil, child(evil, "of-evil"), child(child(evil, "of-evil"), "deep")])
    expect(await order(world, who, `${slow.url}/free`)).toBe("ERR_RATE_LIMITED");
  expect(await order(world, good, `${slow.url}/free`)).toMatchObject({ kind: "response" });
  slow.answerAll();
  for (const each of await Promise.all(hanging)) {
    if (typeof each === "string" || each.kind !== "response") throw new Error("no answer");
    expect(await each.response.text()).toBe("late");
  }
  expect(await order(world, evil, `${slow.url}/free`)).toMatchObject({ kind: "response" });
});

test("three siblings that take all that they can leave something to a fourth", async () => {
  const { world, root, child, slow } = await start(32);
  const taken = async (agent: string) => {
    const who = child(root, agent);
    const codes: unknown[] = [];
    for (let at = 0; at < 9; at++)
      void order(world, who, `${slow.url}/${agent}${at}`).then((code) => codes.push(code));
    const before = slow.arrived.mock.calls.length;
    await until(() => slow.arrived.mock.calls.length - before + codes.length === 9);
    return 9 - codes.length;
  };
  // Halves of 16, 8 and 4.
  expect([await taken("one"), await taken("two"), await taken("three")]).toEqual([8, 4, 2]);
  const fourth = await order(world, child(root, "four"), `${slow.url}/free`);
  expect(fourth).toMatchObject({ kind: "response" });
  slow.answerAll();
});

test("a root has half of all, so another root is served", async () => {
  const { world, root, slow } = await start(8);
  const hanging = Array.from({ length: 4 }, (_, at) => order(world, root, `${slow.url}/hang${at}`));
  await until(() => slow.arrived.mock.calls.length === 4);
  expect(await order(world, root, `${slow.url}/free`)).toBe("ERR_RATE_LIMITED");
  expect(await order(world, world.mint(), `${slow.url}/free`)).toMatchObject({ kind: "response" });
  slow.answerAll();
  await Promise.all(hanging);
});

describe("what is left of an order keeps its place", () => {
  /** Sells a pass; its answers begin and do not end. Counts those that are open. */
  async function drippingSite(world: Town) {
    const drips = { open: 0 };
    const { url } = await site(async ({ target, headers }, response, own) => {
      if (target === "/free") return response.end("free");
      if (target.startsWith("/paid") && headers.authorization === undefined)
        return ask402(response, await challenger(world, own).demand({ enforced: [] }));
      drips.open++;
      response.once("close", () => drips.open--);
      if (target.endsWith("not-found")) response.statusCode = 404;
      return response.write("x");
    });
    return { url, drips };
  }

  test("paid answers whose agent hung up, until they are given up; siblings are served meanwhile", async () => {
    const over = gate();
    const world = await town({ maxOrders: 16, sleep: () => over.opened });
    const root = world.mint();
    const child = (agent: string) => root.delegate({ agent }, { now: world.clock() });
    const [evil, good] = [child("evil"), child("good")];
    const { url, drips } = await drippingSite(world);
    for (let at = 0; at < 4; at++) {
      const answer = await order(world, evil, `${url}/paid`);
      if (typeof answer === "string" || answer.kind !== "response") throw new Error("no answer");
      const reader = answer.response.body!.getReader();
      await reader.read();
      await reader.cancel();
    }
    expect(await order(world, evil, `${url}/paid`)).toBe("ERR_RATE_LIMITED");
    expect(drips.open).toBe(4);
    expect(await order(world, good, `${url}/free`)).toMatchObject({ kind: "response" });
    over.open();
    await until(() => drips.open === 0);
    expect(await order(world, evil, `${url}/free`)).toMatchObject({ kind: "response" });
  });

  test.each(["/not-found", "/paid-not-found"])(
    "an answer that consumes nothing, until it has ended: %s",
    async (path) => {
      const world = await town({ maxOrders: 2 });
      const root = world.mint();
      const { url, drips } = await drippingSite(world);
      const answer = await order(world, root, url + path);
      if (typeof answer === "string" || answer.kind !== "response") throw new Error("no answer");
      expect(answer.response.status).toBe(404);
      expect(await order(world, root, `${url}/free`)).toBe("ERR_RATE_LIMITED");
      await answer.response.body!.cancel();
      await until(() => drips.open === 0);
      expect(await order(world, root, `${url}/free`)).toMatchObject({ kind: "response" });
    },
  );

  test("a whole answer that its agent does not read across HTTP", async () => {
    const world = await town({ maxOrders: 2 });
    const root = world.mint();
    const { url } = await site((_asked, response) => response.end("x".repeat(60_000)));
    const ask = () =>
      treasuryApi(world.treasury)(
        new Request(`${world.treasury.location}/v1/purchases`, {
          method: "POST",
          headers: { authorization: `L402 ${root}`, "content-type": "application/json" },
          body: JSON.stringify({ id: crypto.randomUUID(), method: "GET", url, headers: [] }),
        }),
      );
    const unread = await ask();
    const report = watchWritten(unread)!;
    expect((await ask()).status).toBe(429);
    await unread.text();
    expect((await ask()).status).toBe(429);
    report(false);
    await until(async () => (await ask()).status === 200);
  });

  test("an order has one exchange with a service at a time, and its place until the last has ended", () => {
    const shares = new Shares(2, "orders under way");
    const ends = new OrderEnds(new RevocationList(), shares);
    const order = ends.begin(["root"], undefined);
    const aborted: string[] = [];
    const first = order.exchange(() => {
      aborted.push("first");
      first();
    });
    const second = order.exchange(() => aborted.push("second"));
    expect(aborted).toEqual(["first"]);
    order.failed();
    expect(() => ends.begin(["root"], undefined)).toThrow("too many orders");
    second();
    second();
    expect(shares.size).toBe(0);
    ends.begin(["root"], undefined).failed();
    expect(aborted).toEqual(["first"]);
  });
});

describe("what ends gives its place back", () => {
  test("a relayed answer has a place until it has left, or its agent has gone", async () => {
    const { world, root, slow } = await start(2);
    const half = await order(world, root, `${slow.url}/half`);
    if (typeof half === "string" || half.kind !== "response") throw new Error("no answer");
    expect(await order(world, root, `${slow.url}/free`)).toBe("ERR_RATE_LIMITED");
    await half.response.body?.cancel();
    await vi.waitFor(async () =>
      expect(await order(world, root, `${slow.url}/free`)).toMatchObject({ kind: "response" }),
    );
  });

  test("orders that fail, are refused or are given up", async () => {
    const { world, root, child, slow } = await start(4);
    const gone = new AbortController();
    for (let at = 0; at < 8; at++) {
      expect(await order(world, root, "http://127.0.0.1:1/")).toBe("ERR_SERVICE_UNREACHABLE");
      expect(await order(world, root, "ftp://127.0.0.1/")).toBe("ERR_REQUEST");
    }
    const abandoned = order(world, root, `${slow.url}/hang`, gone.signal);
    await until(() => slow.arrived.mock.calls.length === 1);
    gone.abort();
    slow.answerAll();
    await abandoned;
    expect(await order(world, child(root, "a"), `${slow.url}/free`)).toMatchObject({
      kind: "response",
    });
  });
});

test("a client waits for Retry-After, and sends the same order again", async () => {
  const { world, root, slow } = await start(2);
  const hanging = order(world, root, `${slow.url}/hang`);
  await until(() => slow.arrived.mock.calls.length === 1);
  const waited: number[] = [];
  vi.spyOn(patience, "sleep").mockImplementation(async (ms) => {
    waited.push(ms);
    slow.answerAll();
    const late = await hanging;
    if (typeof late !== "string" && late.kind === "response") await late.response.text();
  });
  const client = new Client({ credential: root, clock: world.clock });
  const response = await client.fetch(`${slow.url}/free`, { headers: { accept: "text/x" } });
  expect(await response.text()).toBe("free");
  vi.restoreAllMocks();
  expect(
    world.asked.map(({ target }) => target).filter((path) => path === "/v1/purchases").length,
  ).toBeLessThanOrEqual(2);
  expect(waited.every((ms) => ms >= 1000)).toBe(true);
});
