/** What a directory asks of issuers, when, and what comes of it. spec/9-public-key.md §6. */
import { describe, expect, test } from "vitest";
import { nextTurn } from "../internal/timers.ts";
import type { Sleep } from "../ports/clock.ts";
import { IssuerDirectory, type IssuerDirectoryOptions } from "./directory.ts";
import { KEYS_PATH, MAX_KEYS, MAX_PAGE_BYTES, readDate, writeKeyPage } from "./key-page.ts";

const issuer = "https://treasury.example";
const NOW = 1_800_000_000;
const DAY = 86_400;
const key = (keyId: number) => ({ keyId, publicKey: new Uint8Array(32).fill(keyId + 1) });
const JSON_TYPE = { "content-type": "application/json" };

const page = (keyIds: readonly number[], headers: Readonly<Record<string, string>> = {}) =>
  new Response(writeKeyPage(issuer, keyIds.map(key)), { headers: { ...JSON_TYPE, ...headers } });

/** Ends when the test says so, as time does. */
function handSleep() {
  const waiting: { readonly seconds: number; readonly end: () => void }[] = [];
  const sleep: Sleep = (seconds, signal) =>
    new Promise((resolve) => {
      waiting.push({ seconds, end: resolve });
      signal?.addEventListener("abort", () => resolve(), { once: true });
    });
  return { sleep, waiting };
}

type Answer = (signal: AbortSignal) => Response | Promise<Response>;

function directoryOf(first: Answer, options: Partial<IssuerDirectoryOptions> = {}) {
  const time = { now: NOW };
  const at = { answer: first };
  const asked: string[] = [];
  const alarms: string[] = [];
  const { sleep, waiting } = handSleep();
  const directory = new IssuerDirectory({
    issuers: [issuer],
    clock: () => time.now,
    fetch: (async (input, init) => {
      asked.push(`${String(input)} ${init!.redirect}`);
      return at.answer(init!.signal!);
    }) as typeof fetch,
    sleep,
    alarm: (_, cause) => alarms.push((cause as { code: string }).code),
    ...options,
  });
  const codeOf = (keyId: number): string => {
    try {
      directory.find(issuer, keyId);
      return "found";
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  const find = async (keyId: number): Promise<string> => {
    await directory.load(issuer, keyId);
    return codeOf(keyId);
  };
  return { directory, time, at, asked, alarms, waiting, find, codeOf };
}

const never = () => new Promise<Response>(() => {});
const dripping = (parts: number) =>
  new Response(
    new ReadableStream({
      start(stream) {
        for (let at = 0; at < parts; at++) stream.enqueue(new TextEncoder().encode(" "));
      },
    }),
    { headers: JSON_TYPE },
  );

describe("a page that is refused has a code of its own", () => {
  const [one] = JSON.parse(writeKeyPage(issuer, [key(1)])) as [object];
  const json = (value: unknown) => new Response(JSON.stringify(value), { headers: JSON_TYPE });
  test.each<[string, string, Answer]>([
    ["no answer", "UNREACHABLE", () => Promise.reject(new TypeError("fetch failed"))],
    ["404", "STATUS", () => new Response("no", { status: 404 })],
    ["a part of it", "STATUS", () => new Response("[]", { status: 206, headers: JSON_TYPE })],
    ["not changed", "STATUS", () => new Response(null, { status: 304 })],
    ["301", "REDIRECT", () => Response.redirect("https://other.example", 301)],
    ["307 to itself", "REDIRECT", () => Response.redirect(issuer + KEYS_PATH, 307)],
    ["no JSON", "MALFORMED", () => new Response("[", { headers: JSON_TYPE })],
    ["an object", "MALFORMED", () => json({ keys: [] })],
    ["not UTF-8", "MALFORMED", () => new Response(new Uint8Array([255]), { headers: JSON_TYPE })],
    ["two keys of one id", "MALFORMED", () => json([one, one])],
    ["65 keys", "TOO_LARGE", () => json(Array(MAX_KEYS + 1).fill(one))],
    [
      "65,537 bytes",
      "TOO_LARGE",
      () => new Response(`[]${" ".repeat(MAX_PAGE_BYTES - 1)}`, { headers: JSON_TYPE }),
    ],
    [
      "a length of 65,537",
      "TOO_LARGE",
      () =>
        new Response("[]", {
          headers: { ...JSON_TYPE, "content-length": `${MAX_PAGE_BYTES + 1}` },
        }),
    ],
    ["other issuers", "ISSUER", () => json([{ ...one, issuer: "https://o.example" }])],
  ])("%s: ERR_KEYS_%s", async (_name, code, answer) => {
    const { find, alarms } = directoryOf(answer);
    expect(await find(1)).toBe("ERR_KEYS_UNREACHABLE");
    expect(alarms).toEqual([`ERR_KEYS_${code}`]);
  });

  test.each<[string, Answer]>([
    [
      "65,536 bytes",
      () =>
        new Response(writeKeyPage(issuer, [key(1)]).padEnd(MAX_PAGE_BYTES), { headers: JSON_TYPE }),
    ],
    ["64 keys", () => page(Array.from({ length: MAX_KEYS }, (_, keyId) => keyId))],
    ["any type", () => page([1], { "content-type": "application/octet-stream" })],
    ["no type", () => new Response(new TextEncoder().encode(writeKeyPage(issuer, [key(1)])))],
    ["an entry of another issuer", () => json([{ ...one, issuer: "https://o.example" }, one])],
    ["an entry without an issuer", () => json([{ ...one, issuer: undefined }])],
    ["an entry that cannot be read", () => json([null, 1, {}, one])],
  ])("%s is taken", async (_name, answer) => {
    const { find, alarms } = directoryOf(answer);
    expect(await find(1)).toBe("found");
    expect(alarms).toEqual([]);
  });

  test("an empty page is taken: it ends all keys", async () => {
    const { find, alarms, at, time, codeOf } = directoryOf(() =>
      page([1], { "cache-control": "max-age=60" }),
    );
    expect(await find(1)).toBe("found");
    at.answer = () => page([]);
    time.now += 60;
    await find(1);
    await find(2);
    expect([codeOf(1), alarms]).toEqual(["ERR_TOKEN_KEY", []]);
  });
});

describe("after 10 seconds a page is given up", () => {
  test.each<[string, Answer]>([
    ["a head that does not come", never],
    ["a body that drips", () => dripping(20)],
    ["a body that does not begin", () => dripping(0)],
  ])("%s, though the fetch does not look at its signal", async (_name, answer) => {
    const { directory, alarms, waiting, codeOf } = directoryOf(answer);
    const loading = directory.load(issuer, 1)!;
    expect(waiting.map(({ seconds }) => seconds)).toEqual([10]);
    waiting[0]!.end();
    await loading;
    expect([codeOf(1), alarms]).toEqual(["ERR_KEYS_UNREACHABLE", ["ERR_KEYS_SLOW"]]);
  });

  test("and the fetch is told", async () => {
    let isTold = false;
    const { directory, waiting } = directoryOf((signal) => {
      signal.addEventListener("abort", () => {
        isTold = true;
      });
      return never();
    });
    const loading = directory.load(issuer, 1)!;
    waiting[0]!.end();
    await loading;
    expect(isTold).toBe(true);
  });
});

describe("a page is kept", () => {
  // RFC 9111 §4.2.3 and §5.1: what a cache on the way had it for is a part of its age.
  test.each<[string, Readonly<Record<string, string>>, number]>([
    ["for its max-age", { "cache-control": "public, max-age=600" }, 600],
    ["for 5 minutes where it says nothing", {}, 300],
    ["for a minute at least", { "cache-control": "max-age=0" }, 60],
    ["for a minute with no-store", { "cache-control": "no-store, max-age=600" }, 60],
    ["for a day at most", { "cache-control": "max-age=999999" }, DAY],
    ["without its Age", { "cache-control": "max-age=86400", age: "80000" }, 6400],
    [
      "without its Age, of more than a day",
      { "cache-control": "max-age=604800", age: "86400" },
      DAY,
    ],
    ["for a minute where its Age is more", { "cache-control": "max-age=600", age: "700" }, 60],
    ["without its Age, where it says no more", { age: "100" }, 200],
    ["without the first Age of two", { "cache-control": "max-age=600", age: "100, 500" }, 500],
    ["with an Age that is no number", { "cache-control": "max-age=600", age: "soon" }, 600],
    ["with an Age below nothing", { "cache-control": "max-age=600", age: "-5" }, 600],
  ])("%s", async (_name, headers, seconds) => {
    const { find, asked, time } = directoryOf(() => page([1], headers));
    await find(1);
    time.now += seconds - 1;
    await find(1);
    expect(asked).toHaveLength(1);
    time.now += 1;
    await find(1);
    expect(asked).toHaveLength(2);
  });

  test("and its last good one for a day more", async () => {
    const { find, at, time } = directoryOf(() => page([1]));
    await find(1);
    at.answer = () => Promise.reject(new TypeError("fetch failed"));
    time.now += 300 + DAY - 1;
    expect(await find(1)).toBe("found");
    time.now += 1;
    expect(await find(1)).toBe("ERR_KEYS_UNREACHABLE");
  });

  test("by a clock that is set back a year, no longer than from then on", async () => {
    const { find, at, time } = directoryOf(() => page([1]));
    await find(1);
    time.now -= 365 * DAY;
    at.answer = () => Promise.reject(new TypeError("fetch failed"));
    expect(await find(1)).toBe("found");
    time.now += 300 + DAY;
    expect(await find(1)).toBe("ERR_KEYS_UNREACHABLE");
  });

  test.each([-600, -60, 60, 600])("by a clock that is set by %d seconds", async (seconds) => {
    const { find, time, alarms } = directoryOf(() =>
      page([1], { "cache-control": "max-age=3600" }),
    );
    await find(1);
    time.now += seconds;
    expect(await find(1)).toBe("found");
    expect(await find(2)).toBe("ERR_TOKEN_KEY");
    expect(alarms).toEqual([]);
  });
});

describe("an issuer is asked", () => {
  test("once in 30 seconds, for 1,000 ids that are not on its page, one after the other and at once", async () => {
    const { find, asked, time } = directoryOf(() => page([1]));
    for (let id = 2; id < 502; id++) expect(await find(id)).toBe("ERR_TOKEN_KEY");
    await Promise.all(Array.from({ length: 500 }, (_, id) => find(1000 + id)));
    expect(asked).toEqual([`${issuer}${KEYS_PATH} manual`]);
    time.now += 29;
    await find(5000);
    expect(asked).toHaveLength(1);
    time.now += 1;
    await Promise.all(Array.from({ length: 500 }, (_, id) => find(2000 + id)));
    expect(asked).toHaveLength(2);
  });

  test("once for a new key that all wait for", async () => {
    const { find, at, asked, time } = directoryOf(() => page([1]));
    await find(1);
    let answer = (_: Response) => {};
    at.answer = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    time.now += 30;
    const verdicts = Promise.all(
      Array.from({ length: 200 }, (_, at) => find(at % 2 === 0 ? 2 : 1)),
    );
    answer(page([1, 2]));
    expect(new Set(await verdicts)).toEqual(new Set(["found"]));
    expect(asked).toHaveLength(2);
  });

  test("again by who waits for a request that never ends, as one of Workers whose own request is over", async () => {
    const { directory, at, asked, waiting, codeOf } = directoryOf(never);
    // Its timer is over with it.
    void directory.load(issuer, 1);
    const loading = directory.load(issuer, 1)!;
    at.answer = () => page([1]);
    waiting[1]!.end();
    await loading;
    expect([asked.length, codeOf(1)]).toEqual([2, "found"]);
  });

  test("behind the requests of a busy service; an idle one waits, and lets no ended key in", async () => {
    const { directory, at, asked, time, find, codeOf } = directoryOf(() => page([1]));
    await find(1);
    at.answer = () => page([2]);
    time.now += 359;
    expect(directory.load(issuer, 1)).toBeUndefined();
    expect(codeOf(1)).toBe("found");
    await nextTurn();
    expect([asked.length, codeOf(1)]).toEqual([2, "ERR_TOKEN_KEY"]);
    at.answer = () => page([3]);
    time.now += 360;
    const both = await Promise.all([find(2), find(2)]);
    expect([asked.length, ...both]).toEqual([3, "ERR_TOKEN_KEY", "ERR_TOKEN_KEY"]);
  });

  test("once by who waits for an issuer that is down, and then behind requests until it is up", async () => {
    const { directory, at, asked, time, find, codeOf, waiting } = directoryOf(() => page([1]));
    await find(1);
    at.answer = never;
    time.now += 3600;
    const loading = directory.load(issuer, 1)!;
    // The deadline of the request.
    waiting[1]!.end();
    await loading;
    expect([asked.length, codeOf(1)]).toEqual([2, "found"]);
    time.now += 30;
    expect(directory.load(issuer, 1)).toBeUndefined();
    expect(asked).toHaveLength(3);
    waiting.at(-1)!.end();
    await nextTurn();
    at.answer = () => page([2]);
    time.now += 30;
    expect(directory.load(issuer, 1)).toBeUndefined();
    await nextTurn();
    expect(codeOf(1)).toBe("ERR_TOKEN_KEY");
  });

  test("again, and waited for, where the last request behind a kept page never ended", async () => {
    const { directory, at, asked, time, find, codeOf } = directoryOf(() => page([1, 2]));
    await find(1);
    at.answer = never;
    time.now += 300;
    expect(directory.load(issuer, 1)).toBeUndefined();
    at.answer = () => page([2]);
    time.now += 30;
    await directory.load(issuer, 1);
    expect([asked.length, codeOf(1), codeOf(2)]).toEqual([3, "ERR_TOKEN_KEY", "found"]);
  });
});

test("while there is no page, it is said when the next one is asked for", async () => {
  const { find, directory, time } = directoryOf(() => Promise.reject(new TypeError("no")));
  await find(1);
  const secondsAt = (now: number) => {
    time.now = now;
    try {
      directory.find(issuer, 1);
    } catch (error) {
      return (error as { retryAfterSeconds?: number }).retryAfterSeconds;
    }
    return undefined;
  };
  expect([0, 12.5, 29.9, 40, -600].map((off) => secondsAt(NOW + off))).toEqual([30, 18, 1, 1, 30]);
});

test("an alarm that throws ends nothing", async () => {
  const alarm = () => {
    throw new Error("of the alarm");
  };
  const { find, at, time } = directoryOf(() => page([1]), { alarm });
  await find(1);
  at.answer = () => Promise.reject(new TypeError("no"));
  time.now += 300;
  // In the background, where a rejection would be nobody's.
  expect(await find(1)).toBe("found");
  await nextTurn();
  time.now += 30;
  expect(await find(2)).toBe("ERR_TOKEN_KEY");
});

test.each<[string, number | undefined]>([
  ["2027-01-15T08:00:00Z", NOW],
  ["2027-01-15T08:00:00.000Z", NOW],
  ["2027-01-15t08:00:00z", NOW],
  ["2027-01-15 09:00:00+01:00", NOW],
  ["2028-02-29T00:00:00Z", 1_835_395_200],
  // RFC 3339 §5.7: no such day, hour, minute or offset.
  ["2027-02-29T00:00:00Z", undefined],
  ["2026-02-31T00:00:00Z", undefined],
  ["2026-04-31T00:00:00Z", undefined],
  ["2026-13-01T00:00:00Z", undefined],
  ["2026-00-10T00:00:00Z", undefined],
  ["2027-01-15T24:00:00Z", undefined],
  ["2027-01-15T08:60:00Z", undefined],
  ["2027-01-15T08:00:00", undefined],
  ["2027-01-15", undefined],
  ["+012027-01-15T08:00:00Z", undefined],
  ["", undefined],
])("the date %j is %s", (text, seconds) => {
  expect(readDate(text)).toBe(seconds);
});

test("what is no list of issuers, and plain http, are told what is right", () => {
  const made = (issuers: unknown) => () => new IssuerDirectory({ issuers: issuers as string[] });
  expect(made(issuer)).toThrow(/a list of origins: \["https/);
  expect(made(["http://10.0.0.5"])).toThrow(/Plain http is for localhost, 127.0.0.0\/8/);
});

test("a directory takes a fetch, or the permission for private networks, and not both", () => {
  expect(
    () => new IssuerDirectory({ issuers: [issuer], fetch, allowPrivateIssuers: true }),
  ).toThrow(/allowPrivateIssuers/);
});
