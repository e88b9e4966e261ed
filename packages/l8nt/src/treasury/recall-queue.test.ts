/**
 * The queue of recalls: bounded, fair between origins, by rank, and tried again until a service
 * confirms or the hand-over has ended.
 */
import { expect, test } from "vitest";
import { Macaroon } from "../macaroon/index.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import { MemoryStore } from "../stores/memory.ts";
import { paymentOf } from "../testing/payment-laws.ts";
import { RecallQueue } from "./recall-queue.ts";
// The queue loads it when it is first needed, which takes longer than the turns of a test.
import "../wire/revocation.ts";

const NOW = 2_000_000_000;
const HOLDS = 600;

interface Asked {
  readonly url: string;
  readonly origin: string;
  /** The caveats of the request's body. */
  readonly caveats: readonly string[];
  /** How many caveats the presented credential has. */
  readonly presented: number;
  answer(status: number): void;
  lose(): void;
}

/** A queue whose requests are answered by hand. */
function world() {
  const time = { now: NOW };
  const store = new MemoryStore();
  const asked: Asked[] = [];
  const open = new Set<Asked>();
  let most = 0;
  const payments = new Map<string, PaymentRecord>();
  store.payment = async (hash) => payments.get(hash);
  const fetcher = ((input, init) =>
    new Promise<Response>((resolve, reject) => {
      const [packet = ""] = new Headers(init!.headers).get("authorization")!.slice(5).split(":");
      const end = (act: () => void) => {
        open.delete(one);
        act();
      };
      const one: Asked = {
        url: String(input),
        origin: new URL(String(input)).origin,
        caveats: JSON.parse(String(init!.body)).caveats,
        presented: Macaroon.decode(Buffer.from(packet, "base64")).caveats.length,
        answer: (status) => end(() => resolve(new Response(null, { status }))),
        lose: () => end(() => reject(new TypeError("no route to host"))),
      };
      asked.push(one);
      open.add(one);
      most = Math.max(most, open.size);
    })) as typeof fetch;
  const queue = new RecallQueue({ fetch: fetcher, store, clock: () => time.now });
  let count = 0;
  return {
    ...{ time, store, asked, open, queue },
    most: () => most,
    /** Writes the recall of a node that was handed something. */
    async recall(
      origin: string,
      { names = ["root", "a"], rank = 0, by = "", at = NOW, location = origin } = {},
    ) {
      const paymentHash = (++count).toString(16).padStart(64, "0");
      const macaroon = Macaroon.encode(
        Macaroon.mint({
          rootKey: new Uint8Array(32),
          identifier: Buffer.from(`0000${paymentHash}${"11".repeat(32)}`, "hex"),
          location,
        }),
      );
      payments.set(paymentHash, {
        ...paymentOf({ paymentHash, origin }),
        token: Buffer.from(macaroon).toString("base64"),
        preimage: "00".repeat(32),
        status: "paid",
      } as PaymentRecord);
      const line = names.map((name) => `${name}-${count}`);
      await store.handOver(
        {
          paymentHash,
          origin,
          nodeIds: line,
          payer: line[0]!,
          recallable: true,
          until: NOW + HOLDS,
        },
        { at, maxBelow: 1000 },
      );
      await store.recall(
        {
          nodeId: line.at(-1)!,
          rank,
          at,
          ...(by !== "" && { by: `${by}-${count}` }),
        },
        { limit: 100 },
      );
    },
    pending: () => store.countPendingRecalls(time.now, 10_000),
    /** Wakes the queue, and lets it start what it may. */
    async wake() {
      queue.wake();
      for (let turn = 0; turn < 50; turn++) await new Promise((done) => setImmediate(done));
    },
  };
}

test.each([
  ["https://a.example", "https://a.example"],
  ["https://a.example/", "https://a.example"],
  ["https://a.example/api", "https://a.example/api"],
  ["https://a.example/api/", "https://a.example/api"],
  ["https://A.example:443/api/v1", "https://a.example/api/v1"],
  // What was paid is the origin that was asked: a location elsewhere is not believed.
  ["https://other.example/api", "https://a.example"],
  ["http://a.example/api", "https://a.example"],
  ["https://a.example:8443/api", "https://a.example"],
  ["https://a.example/api?of=b", "https://a.example"],
  ["aperture", "https://a.example"],
  ["", "https://a.example"],
])("a credential whose location is %o is revoked below %s", async (location, base) => {
  const { recall, wake, asked } = world();
  await recall("https://a.example", { location });
  await wake();
  expect(asked.map(({ url }) => url)).toEqual([`${base}/.well-known/l402/revocations`]);
});

test("at most 16 requests are under way, two at one origin, however much is pending", async () => {
  const { recall, wake, asked, open, most, pending } = world();
  for (let payment = 0; payment < 40; payment++) await recall("https://flood.example");
  for (let origin = 0; origin < 40; origin++) await recall(`https://o${origin}.example`);
  await wake();
  expect(open.size).toBe(16);
  expect([...open].filter(({ origin }) => origin === "https://flood.example").length).toBe(2);
  while (open.size > 0) {
    for (const one of [...open]) one.answer(200);
    await wake();
  }
  expect([most(), asked.length, await pending()]).toEqual([16, 80, 0]);
});

test("an origin that never answers delays no other one", async () => {
  const { recall, wake, open, pending } = world();
  for (let payment = 0; payment < 1000; payment++) await recall("https://slow.example");
  for (let payment = 0; payment < 100; payment++) await recall("https://honest.example");
  await wake();
  for (let answered = 0; answered < 100; answered += 2) {
    for (const one of [...open]) if (one.origin === "https://honest.example") one.answer(200);
    await wake();
  }
  expect(await pending()).toBe(1000);
});

test("origins that failed before leave half of the places to the others", async () => {
  const { recall, wake, open, time } = world();
  for (let origin = 0; origin < 30; origin++) await recall(`https://f${origin}.example`);
  await wake();
  while (open.size > 0) {
    for (const one of [...open]) one.lose();
    await wake();
  }
  time.now += 2;
  for (let origin = 0; origin < 8; origin++) await recall(`https://new${origin}.example`);
  await wake();
  const failing = [...open].filter(({ origin }) => origin.startsWith("https://f")).length;
  expect([failing, open.size]).toEqual([8, 16]);
});

test("an origin that failed once is asked again soon, however many others never answer", async () => {
  const { recall, wake, open, asked, time } = world();
  const fail = async () => {
    for (const one of [...open]) one.lose();
    await wake();
  };
  for (let origin = 0; origin < 200; origin++) await recall(`https://dead${origin}.example`);
  // Each of them fails three times.
  for (let second = 0; second < 120; second++) {
    time.now++;
    await wake();
    await fail();
  }
  await recall("https://honest.example", { at: time.now });
  await wake();
  while (![...open].some(({ origin }) => origin === "https://honest.example")) await fail();
  await fail();
  // From here on the dead ones keep their requests open.
  const times = () => asked.filter(({ origin }) => origin === "https://honest.example").length;
  expect(times()).toBe(1);
  time.now += 31;
  await wake();
  expect(times()).toBe(2);
  expect(open.size).toBeLessThanOrEqual(16);
});

test("the owner's recalls are sent before those of holders, and an ancestor's before a descendant's", async () => {
  const { recall, wake, asked, open } = world();
  const deep = { names: ["root", "a", "b"], rank: 2, by: "a" };
  for (let flood = 0; flood < 50; flood++) await recall(`https://x${flood}.example`, deep);
  await recall("https://parent.example", {
    names: ["root", "a"],
    rank: 1,
    by: "root",
    at: NOW + 1,
  });
  await recall("https://owner.example", { rank: 0, at: NOW + 2 });
  await wake();
  for (const one of [...open]) one.answer(200);
  await wake();
  expect(asked.slice(0, 2).map(({ origin }) => origin)).toEqual([
    "https://owner.example",
    "https://parent.example",
  ]);
});

test("a service that is down for two minutes is told once it is up, and nothing is sent after that", async () => {
  const { recall, wake, open, asked, time, pending } = world();
  await recall("https://down.example");
  for (let second = 0; second <= 120; second++) {
    time.now = NOW + second;
    await wake();
    for (const one of [...open]) one.lose();
    await wake();
  }
  // Tried all the time, at growing distances.
  expect(asked.length).toBeGreaterThan(5);
  expect(asked.length).toBeLessThan(15);
  expect(await pending()).toBe(1);
  time.now += 30;
  await wake();
  for (const one of [...open]) one.answer(200);
  await wake();
  const sent = asked.length;
  time.now += 60;
  await wake();
  expect([await pending(), asked.length]).toEqual([0, sent]);
});

test("nothing is sent once the hand-over has ended", async () => {
  const { recall, wake, open, asked, time } = world();
  await recall("https://down.example");
  await wake();
  for (const one of [...open]) one.lose();
  time.now = NOW + HOLDS;
  await wake();
  expect(asked.length).toBe(1);
});

test.each([400, 401, 403, 404, 405, 302])(
  "a %d is no confirmation: it is sent again, and the origin's others do not wait",
  async (status) => {
    const { recall, wake, open, asked, time, pending, queue } = world();
    await recall("https://shop.example");
    await wake();
    [...open][0]!.answer(status);
    await wake();
    expect([await pending(), queue.confirms("https://shop.example")]).toEqual([1, false]);
    await recall("https://shop.example");
    await wake();
    expect(open.size).toBe(1);
    [...open][0]!.answer(204);
    await wake();
    expect([await pending(), queue.confirms("https://shop.example")]).toEqual([1, true]);
    time.now += 2;
    await wake();
    expect(asked.length).toBe(3);
  },
);

test("the node that revoked is presented where it was handed something, else the full credential", async () => {
  const { recall, wake, asked } = world();
  await recall("https://a.example", { names: ["root", "a", "b", "c"], rank: 3, by: "b" });
  await recall("https://b.example", { names: ["root", "a", "b", "c"], rank: 0 });
  await wake();
  const by = (origin: string) => asked.find((one) => one.origin === origin)!;
  expect(by("https://a.example").presented).toBe(3);
  expect(by("https://a.example").caveats.length).toBe(1);
  expect(by("https://b.example").presented).toBe(0);
  expect(by("https://b.example").caveats.length).toBe(4);
});

test("a service that has no room for an entry is asked to revoke the node above", async () => {
  const { recall, wake, open, asked, pending } = world();
  await recall("https://full.example", { names: ["root", "a", "b"], rank: 2, by: "a" });
  for (let times = 0; times < 2; times++) {
    await wake();
    [...open][0]!.answer(429);
  }
  await wake();
  expect(asked.map(({ presented, caveats }) => presented + caveats.length)).toEqual([3, 2, 1]);
  [...open][0]!.answer(200);
  await wake();
  expect(await pending()).toBe(0);
});

test("a stopped queue starts nothing", async () => {
  const { recall, wake, asked, queue } = world();
  queue.stop();
  await recall("https://shop.example");
  await wake();
  await queue.settled(60_000);
  expect(asked).toEqual([]);
});
