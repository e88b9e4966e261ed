/**
 * A party between publisher and follower cannot add or remove a revocation, or make an old page
 * pass for a new one. [case 111]
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "../internal/bytes.ts";
import { canonical } from "../receipt/jcs.ts";
import type { FeedPage } from "../wire/feed.ts";
import {
  CallingLog,
  FEED_URL,
  LOCATION,
  NOW,
  nodeOf,
  otherSigner,
  revocation,
  signer,
  taking,
} from "./fixtures/world.ts";
import { signPage } from "./page.ts";
import { revocationFeed } from "./publisher.ts";
import { feedSource } from "./source.ts";

const base = { location: LOCATION, after: 0, seq: 3, at: NOW };
const entries = [1, 2, 3].map((seq) => ({ seq, node: nodeOf(seq) }));
const genuine = signPage({ ...base, entries }, signer);

/**
 * Reads these bodies in order, as a follower at number `seq` whose clock goes on with each.
 */
function following(
  bodies: readonly (string | Uint8Array<ArrayBuffer>)[],
  { seq = 0, seconds = 5, by = "poll" as "poll" | "stream" } = {},
) {
  const left = [...bodies];
  let now = NOW - seconds;
  const fetch = async () => {
    now += seconds;
    return new Response(left.shift() ?? "");
  };
  return taking(
    feedSource({ url: FEED_URL, publicKey: signer.publicKey, fetch, by }),
    () => now,
    seq,
  );
}

const refused = (
  body: string | Uint8Array<ArrayBuffer>,
  options?: Parameters<typeof following>[1],
) => expect(following([body], options).next()).rejects.toMatchObject({ code: "ERR_FEED" });

const edited = (change: Partial<Record<keyof FeedPage, unknown>>) =>
  JSON.stringify({ ...JSON.parse(genuine), ...change });

test("a page as it was signed is accepted", async () => {
  expect(await following([genuine]).next()).toEqual({ after: 0, seq: 3, entries, aliveAt: NOW });
});

test("a page with any one bit changed is refused", async () => {
  const bytes = utf8(genuine);
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
      const changed = bytes.slice();
      changed[at]! ^= 1 << bit;
      await refused(changed);
    }),
    { numRuns: 300 },
  );
});

describe("a follower refuses", () => {
  test.each<[string, string]>([
    ["an entry removed", edited({ entries: entries.slice(1) })],
    ["an entry added", edited({ entries: [...entries, { seq: 4, node: nodeOf(4) }], seq: 4 })],
    ["a later time", edited({ at: NOW + 1 })],
    ["a lower end", edited({ seq: 2 })],
    ["a page signed by another key under its own id", signPage({ ...base, entries }, otherSigner)],
    [
      "a page signed by another key under the id of the right one",
      signPage({ ...base, entries }, { ...stolen(), keyId: signer.keyId }),
    ],
    [
      "another authority's feed",
      signPage({ ...base, location: "https://other.example", entries }, signer),
    ],
    [
      "a page that begins later, after one that was held back",
      signPage({ ...base, after: 1, entries: entries.slice(1) }, signer),
    ],
    ["entries out of order", signPage({ ...base, entries: [...entries].reverse() }, signer)],
    [
      "an entry twice",
      signPage({ ...base, entries: [entries[0]!, entries[0]!, entries[1]!] }, signer),
    ],
    ["an entry beyond the end", signPage({ ...base, seq: 2, entries }, signer)],
    [
      "an entry before the beginning",
      signPage({ ...base, entries: [{ seq: 0, node: nodeOf(1) }] }, signer),
    ],
    ["a page that is more than a minute old", signPage({ ...base, at: NOW - 61, entries }, signer)],
    [
      "a page from more than a minute in the future",
      signPage({ ...base, at: NOW + 61, entries }, signer),
    ],
    ["a malformed node id", signPage({ ...base, entries: [{ seq: 1, node: "ROOT" }] }, signer)],
    [
      "more than a thousand entries",
      signPage(
        {
          ...base,
          seq: 1001,
          entries: Array.from({ length: 1001 }, (_, at) => ({ seq: at + 1, node: nodeOf(at) })),
        },
        signer,
      ),
    ],
    ["a receipt's signature", receiptLike()],
    ["nothing", ""],
    ["no JSON", "<html>captive portal</html>"],
    ["null", "null"],
    ["a list", "[]"],
    ["a fraction", edited({ extra: 0.5 } as object)],
    [
      "deeply nested brackets",
      `{"extra":${"[".repeat(100_000)}${"]".repeat(100_000)},${genuine.slice(1)}`,
    ],
  ])("%s", async (_what, body) => {
    await refused(body);
    await refused(`${body}\n`, { by: "stream" }).catch((error) => {
      // An answer without a line ends the reading.
      if (body !== "") throw error;
    });
  });

  test("a page above the largest size, without reading it to its end", async () => {
    let sent = 0;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          sent++;
          controller.enqueue(new Uint8Array(65_536).fill(0x20));
        },
      });
    for (const by of ["poll", "stream"] as const) {
      sent = 0;
      const source = feedSource({
        url: FEED_URL,
        publicKey: signer.publicKey,
        by,
        fetch: async () => new Response(endless()),
      });
      await expect(taking(source, () => NOW).next()).rejects.toThrow();
      expect(sent).toBeLessThan(10);
    }
  });

  test("an answer of another status, and a redirect", async () => {
    let init: RequestInit | undefined;
    const source = feedSource({
      url: FEED_URL,
      publicKey: signer.publicKey,
      fetch: async (_, given) => {
        init = given;
        return new Response(genuine, { status: 404 });
      },
    });
    await expect(taking(source, () => NOW).next()).rejects.toMatchObject({ code: "ERR_FEED" });
    expect(init?.redirect).toBe("error");
  });
});

test("a page of another key names that key in the error", async () => {
  const body = signPage({ ...base, entries }, otherSigner);
  await expect(following([body]).next()).rejects.toThrow(`key ${otherSigner.keyId} signed it`);
});

test("a page that was seen before, or an older one, is not a reading, also on a new connection", async () => {
  const page = (at: number) => signPage({ ...base, after: 3, at, entries: [] }, signer);
  const bodies = [page(NOW), page(NOW), page(NOW - 5), "garbage", page(NOW), page(NOW + 1)];
  let now = NOW - 5;
  const source = feedSource({
    url: FEED_URL,
    publicKey: signer.publicKey,
    fetch: async () => {
      now += 5;
      return new Response(bodies.shift());
    },
  });
  const first = taking(source, () => now, 3);
  expect(await first.next()).toMatchObject({ aliveAt: NOW });
  expect(await first.next()).toMatchObject({ aliveAt: undefined });
  expect(await first.next()).toMatchObject({ aliveAt: undefined });
  await expect(first.next()).rejects.toThrow();
  const again = taking(source, () => now, 3);
  expect(await again.next()).toMatchObject({ aliveAt: undefined });
  expect(await again.next()).toMatchObject({ aliveAt: NOW + 1 });
});

test("a feed that was restored from an old copy is refused", async () => {
  await refused(signPage({ ...base, after: 7, seq: 3, entries: [] }, signer), { seq: 7 });
});

test("reordered pages of a stream are refused at the first one out of place", async () => {
  const pages = [
    signPage({ ...base, seq: 1, entries: entries.slice(0, 1) }, signer),
    signPage({ ...base, after: 1, seq: 2, entries: entries.slice(1, 2) }, signer),
    signPage({ ...base, after: 2, entries: entries.slice(2) }, signer),
  ];
  const inOrder = following([`${pages.join("\n")}\n`], { by: "stream" });
  for (const seq of [1, 2, 3]) expect(await inOrder.next()).toMatchObject({ seq });
  const swapped = following([`${[pages[0], pages[2], pages[1]].join("\n")}\n`], { by: "stream" });
  await swapped.next();
  await expect(swapped.next()).rejects.toMatchObject({ code: "ERR_FEED" });
});

test("a follower gets every revocation, by polling and by streaming", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("revoke", "freeze"), { maxLength: 30 }),
      fc.constantFrom("poll", "stream"),
      async (kinds, by) => {
        const log = new CallingLog();
        for (const [at, kind] of kinds.entries())
          await log.addDirective({ ...revocation(at), kind } as never);
        const feed = revocationFeed(log, { key: signer, location: LOCATION, clock: () => NOW });
        const source = feedSource({
          url: FEED_URL,
          publicKey: signer.publicKey,
          by: by as "poll" | "stream",
          fetch: (input, init) => {
            const url = new URL(input as URL);
            url.searchParams.delete("wait");
            return feed(new Request(url, init));
          },
        });
        const reading = taking(source, () => NOW);
        const { seq, entries: found } = await reading.next();
        reading.end();
        expect(seq).toBe(kinds.length);
        expect(found.map(({ node }) => node)).toEqual(
          kinds.flatMap((kind, at) => (kind === "revoke" ? [nodeOf(at)] : [])),
        );
      },
    ),
    { numRuns: 40 },
  );
});

function stolen() {
  return {
    publicKey: otherSigner.publicKey,
    sign: (message: Uint8Array) => otherSigner.sign(message),
  };
}

/** A page with the type of a receipt, signed by the same key. */
function receiptLike(): string {
  const { signature: _, ...page } = JSON.parse(genuine);
  const signed = { ...page, type: "receipt" };
  return canonical({
    ...signed,
    type: "revocations",
    signature: signer.sign(utf8(canonical(signed))),
  });
}
