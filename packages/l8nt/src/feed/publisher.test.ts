/**
 * The publisher: what it signs, when it answers, and what it does after a client has left.
 */
import { createPublicKey, verify } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AdapterError } from "../errors.ts";
import { MemoryStore } from "../stores/memory.ts";
import {
  CallingLog,
  FEED_URL,
  LOCATION,
  NOW,
  nodeOf,
  revocation,
  signer,
} from "./fixtures/world.ts";
import { type RevocationFeedOptions, revocationFeed } from "./publisher.ts";

beforeEach(
  () =>
    void vi.useFakeTimers({
      toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"],
    }),
);
afterEach(() => {
  vi.useRealTimers();
});

function publish(log = new CallingLog(), options: Partial<RevocationFeedOptions> = {}) {
  const time = { now: NOW };
  const feed = revocationFeed(log, {
    key: signer,
    location: LOCATION,
    clock: () => time.now,
    ...options,
  });
  const get = (query = "", init: RequestInit = {}) =>
    feed(new Request(`${FEED_URL}${query}`, init));
  const page = async (query?: string) => (await get(query)).json();
  return { log, time, get, page };
}

const stream = { headers: { accept: "application/x-ndjson" } };
const read = async (reader: ReadableStreamDefaultReader<Uint8Array>) => {
  const { value } = await reader.read();
  return value === undefined ? undefined : JSON.parse(Buffer.from(value).toString());
};

test("a page is signed so that OpenSSL verifies it", async () => {
  const { log, page } = publish();
  await log.addDirective(revocation(1, NOW + 60.5));
  await log.addDirective(revocation(2));
  const { signature, ...signed } = await page("?after=0");
  expect(signed).toEqual({
    type: "revocations",
    location: LOCATION,
    after: 0,
    seq: 2,
    at: NOW,
    entries: [
      { seq: 1, node: nodeOf(1), endsAt: NOW + 61 },
      { seq: 2, node: nodeOf(2) },
    ],
    keyId: signer.keyId,
  });
  const key = createPublicKey({
    key: {
      kty: "OKP",
      crv: "Ed25519",
      x: Buffer.from(signer.publicKey, "hex").toString("base64url"),
    },
    format: "jwk",
  });
  // The members of the answer and of its entries are already sorted.
  expect(
    verify(null, Buffer.from(JSON.stringify(signed)), key, Buffer.from(signature, "hex")),
  ).toBe(true);
});

test("freezes and thaws take numbers and are not published", async () => {
  const { log, page } = publish();
  await log.addDirective({ kind: "freeze", nodeId: nodeOf(9), at: NOW, reason: "a whim" });
  await log.addDirective(revocation(1));
  await log.addDirective({ kind: "thaw", nodeId: nodeOf(9), at: NOW });
  expect(await page()).toMatchObject({ seq: 3, entries: [{ seq: 2, node: nodeOf(1) }] });
  expect(await page("?after=3")).toMatchObject({ after: 3, seq: 3, entries: [] });
});

test("more than a thousand revocations come in consecutive pages", async () => {
  const { log, page } = publish();
  for (let number = 1; number <= 2500; number++) await log.addDirective(revocation(number));
  const numbers: number[] = [];
  for (let after = 0; after < 2500; ) {
    const { entries, seq } = await page(`?after=${after}`);
    expect(entries.length).toBeLessThanOrEqual(1000);
    numbers.push(...entries.map((entry: { seq: number }) => entry.seq));
    after = seq;
  }
  expect(numbers).toEqual(Array.from({ length: 2500 }, (_, at) => at + 1));
});

test("what is below a revoked node is left out, unless it is published for longer", async () => {
  const { log, page } = publish();
  const seqs = async () => (await page()).entries.map(({ seq }: { seq: number }) => seq);
  const below = (number: number, above: readonly number[], endsAt?: number) => ({
    ...revocation(number, endsAt),
    above: above.map(nodeOf),
    by: nodeOf(above[0]!),
  });
  await log.addDirective(below(11, [1, 10], NOW + 50));
  await log.addDirective(below(12, [1, 10], NOW + 90));
  await log.addDirective(below(13, [1, 14], NOW + 50));
  expect(await seqs()).toEqual([1, 2, 3]);
  await log.addDirective(below(10, [1], NOW + 60));
  expect((await page()).entries).toMatchObject([
    { seq: 2, node: nodeOf(12), above: [nodeOf(1), nodeOf(10)] },
    { seq: 3, node: nodeOf(13) },
    { seq: 4, node: nodeOf(10), above: [nodeOf(1)] },
  ]);
  await log.addDirective(below(15, [1, 10], NOW + 60));
  expect(await seqs()).toEqual([2, 3, 4]);
  expect(await page("?after=4")).toMatchObject({ seq: 5, entries: [] });
  await log.addDirective(revocation(1));
  expect(await seqs()).toEqual([6]);
});

test("a page of the deepest nodes is no larger than a follower reads", async () => {
  const { log, get, page } = publish();
  const above = Array.from({ length: 64 }, (_, at) => nodeOf(at + 10_000));
  for (let number = 1; number <= 1000; number++)
    await log.addDirective({ ...revocation(number, NOW + 1e9), above, by: above[0]! });
  let count = 0;
  for (let after = 0; after < 1000; ) {
    expect((await (await get(`?after=${after}`)).text()).length).toBeLessThanOrEqual(262_144);
    const { entries, seq } = await page(`?after=${after}`);
    count += entries.length;
    after = seq;
  }
  expect(count).toBe(1000);
});

test("a revocation is left out a minute after its end, because a follower's clock may be behind", async () => {
  const { log, time, page } = publish();
  await log.addDirective(revocation(1, NOW + 10));
  time.now = NOW + 70;
  await log.addDirective(revocation(2));
  expect((await page()).entries).toHaveLength(2);
  time.now = NOW + 71;
  await log.addDirective(revocation(3));
  expect((await page()).entries.map(({ seq }: { seq: number }) => seq)).toEqual([2, 3]);
});

describe("waiting", () => {
  test("ends at once if there is an entry already", async () => {
    const { log, page } = publish();
    await log.addDirective(revocation(1));
    expect(await page("?after=0&wait=25")).toMatchObject({ seq: 1 });
  });

  test("ends with an empty page, signed then, and never lasts longer than 25 seconds", async () => {
    for (const wait of [25, 100_000]) {
      const { time, page } = publish();
      const asked = page(`?after=0&wait=${wait}`);
      time.now = NOW + 25;
      await vi.advanceTimersByTimeAsync(25_000);
      expect(await asked).toMatchObject({ seq: 0, at: NOW + 25, entries: [] });
    }
  });

  test("ends when the log calls, and takes no listener with it", async () => {
    const { log, page } = publish();
    const asked = page("?after=0&wait=25");
    await vi.advanceTimersByTimeAsync(0);
    expect(log.listeners).toBe(1);
    await log.addDirective(revocation(1));
    expect(await asked).toMatchObject({ entries: [{ seq: 1 }] });
    expect(log.listeners).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("ends within 400 ms if the log cannot call", async () => {
    const log = new MemoryStore();
    const { page } = publish(log as unknown as CallingLog);
    const asked = page("?after=0&wait=25");
    await vi.advanceTimersByTimeAsync(0);
    await log.addDirective(revocation(1));
    await vi.advanceTimersByTimeAsync(400);
    expect(await asked).toMatchObject({ entries: [{ seq: 1 }] });
  });

  test("ends when the client hangs up", async () => {
    const { log, get } = publish();
    const abort = new AbortController();
    const asked = get("?wait=25", { signal: abort.signal });
    await vi.advanceTimersByTimeAsync(0);
    abort.abort();
    await asked;
    expect([log.listeners, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test("is limited to maxWaiting requests; a further one is answered at once", async () => {
    const { get, page } = publish(undefined, { maxWaiting: 2 });
    const asked = [page("?wait=25"), get("?wait=25", stream)];
    const reader = (await asked[1]!).body!.getReader();
    await read(reader);
    expect(await page("?wait=25")).toMatchObject({ entries: [] });
    const line = await (await get("", stream)).text();
    expect(JSON.parse(line)).toMatchObject({ entries: [] });
    await reader.cancel();
    await vi.advanceTimersByTimeAsync(25_000);
    await asked[0];
  });

  test("answers no page if the log fails, so that no old state is signed again", async () => {
    const { log, get } = publish();
    const asked = get("?wait=25");
    await vi.advanceTimersByTimeAsync(0);
    log.fault = new AdapterError("ERR_STORE", "the disk is gone");
    await vi.advanceTimersByTimeAsync(25_000);
    expect((await asked).status).toBe(503);
  });
});

describe("streaming", () => {
  test("sends a line for each revocation, and one a second without any", async () => {
    const { log, time, get } = publish();
    await log.addDirective(revocation(1));
    const response = await get("?after=0", stream);
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const reader = response.body!.getReader();
    expect(await read(reader)).toMatchObject({ after: 0, seq: 1, entries: [{ seq: 1 }] });
    const beat = read(reader);
    time.now = NOW + 1;
    await vi.advanceTimersByTimeAsync(1000);
    expect(await beat).toMatchObject({ after: 1, seq: 1, at: NOW + 1, entries: [] });
    const news = read(reader);
    await vi.advanceTimersByTimeAsync(0);
    await log.addDirective(revocation(2));
    expect(await news).toMatchObject({ after: 1, seq: 2, entries: [{ seq: 2 }] });
    await reader.cancel();
    expect([log.listeners, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test("signs no page for a client that does not read", async () => {
    const { log, get } = publish();
    const response = await get("", stream);
    for (let number = 1; number <= 10; number++) await log.addDirective(revocation(number));
    await vi.advanceTimersByTimeAsync(60_000);
    const reader = response.body!.getReader();
    expect((await read(reader)).entries).toHaveLength(10);
    await reader.cancel();
  });

  test("ends when the client hangs up, and when the log fails", async () => {
    const { log, get } = publish();
    const abort = new AbortController();
    const reader = (await get("", { ...stream, signal: abort.signal })).body!.getReader();
    await read(reader);
    const waiting = read(reader);
    await vi.advanceTimersByTimeAsync(0);
    abort.abort();
    expect(await waiting).toBeUndefined();
    const other = (await get("", stream)).body!.getReader();
    await read(other);
    log.fault = new AdapterError("ERR_STORE", "the disk is gone");
    const broken = expect(other.read()).rejects.toThrow("the disk is gone");
    await vi.advanceTimersByTimeAsync(1000);
    await broken;
    expect([log.listeners, vi.getTimerCount()]).toEqual([0, 0]);
  });
});

test.each([
  "?after=-1",
  "?after=1e3",
  "?after=1.5",
  "?after=99999999999999999999",
  "?wait=x",
  "?after=",
])("%s is refused", async (query) => {
  const response = await publish().get(query);
  expect([response.status, (await response.json()).code]).toEqual([400, "ERR_REQUEST"]);
});
