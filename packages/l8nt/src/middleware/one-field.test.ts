/**
 * The field that is priced is the field that is served: one that a request has once is not read
 * where it came twice. spec/3-challenge.md §5.
 */

import { createServer } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import type { Terms } from "../service/index.ts";
import { SINGLETONS } from "../service/singletons.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { exchange } from "../testing/raw-http.ts";
import { STARTS } from "./fixtures/by-request.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Lines = readonly (readonly [name: string, value: string])[];

/** Dear if the field has the value `dear`. */
const byField = (name: string): Terms => ({
  price: ({ headers }) => (headers.get(name) === "dear" ? "100 sat" : "1 sat"),
});

test("the table is the one by which Node discards duplicates", async () => {
  const names = [
    ...SINGLETONS,
    ...["accept", "accept-encoding", "accept-language", "cache-control", "content-encoding"],
    ...["cookie", "date", "expect", "forwarded", "if-match", "if-none-match", "if-range", "origin"],
    ...[
      "pragma",
      "prefer",
      "range",
      "te",
      "trailer",
      "via",
      "warning",
      "x-forwarded-for",
      "x-size",
    ],
    ...["content-language", "content-location", "content-range", "upgrade", "dnt", "macaroon"],
  ].filter((name) => name !== "content-length" && name !== "upgrade");
  const discarded: string[] = [];
  const host = await listening(
    createServer((incoming, outgoing) => {
      for (const name of names) if (incoming.headers[name] === "a") discarded.push(name);
      outgoing.end();
    }),
  );
  closers.push(host.close);
  const twice = names.flatMap(
    (name): Lines => [
      [name, "a"],
      [name, "b"],
    ],
  );
  await exchange(host.url, { fields: twice.filter(([name]) => name !== "expect") });
  // Node refuses two lines of `Content-Length` itself.
  expect([...discarded, "content-length"].sort()).toEqual([...SINGLETONS].sort());
});

describe.each(Object.entries(STARTS))("%s", (framework, start) => {
  /** The price function and the handler have the same fields, whose lines are joined. */
  const isJoined = framework === "Next";

  async function bought(terms: Terms, name: string, lines: Lines) {
    const invoicer = new FakeInvoicer();
    const server = await start(newPaywall({ invoicer }), terms, ({ field }) => String(field(name)));
    const host = await listening(server);
    closers.push(host.close);
    const type = ["content-type", "application/octet-stream"] as const;
    const fields = lines.some(([one]) => one === "content-type") ? lines : [type, ...lines];
    const asked = await exchange(host.url, { method: "POST", fields, body: "x" });
    if (asked.status !== 402) return [asked.status, JSON.parse(asked.body).code];
    const paid = present(invoicer.buy(asked.lines("www-authenticate")));
    const served = await exchange(host.url, {
      method: "POST",
      fields: [...fields, paid],
      body: "x",
    });
    return [Number(invoicer.requests.at(-1)!.amountMsat) / 1000, served.body];
  }

  test.each(["user-agent", "referer", "from", "content-type"])(
    "%s that came twice is refused by a price that reads it, or is one text to both",
    async (name) => {
      const pairs: Lines = [
        [name, "dear"],
        [name, "cheap"],
      ];
      const all: Terms = { price: ({ headers }) => `${[...headers].length} sat` };
      for (const terms of [byField(name), all])
        for (const lines of [pairs, pairs.toReversed()]) {
          const outcome = await bought(terms, name, lines);
          const joined = lines.map(([, value]) => value).join(", ");
          if (isJoined && name !== "content-type")
            expect([joined, undefined]).toContain(outcome[1]);
          else expect(outcome).toEqual([400, "ERR_REQUEST"]);
        }
    },
  );

  test("Host that came twice is refused by a price that reads it", async () => {
    const pairs: Lines = [
      ["host", "dear"],
      ["host", "cheap"],
    ];
    for (const lines of [pairs, pairs.toReversed()])
      expect((await bought(byField("host"), "host", lines))[0]).toBe(400);
  });

  test.each(["user-agent", "host", "referer", "from"])(
    "%s is priced by its one line",
    async (name) => {
      expect(await bought(byField(name), name, [[name, "dear"]])).toEqual([100, "dear"]);
      expect(await bought(byField(name), name, [[name, "other"]])).toEqual([1, "other"]);
    },
  );

  test("User-Agent is priced with the commas that it has", async () => {
    const agent = "Mozilla/5.0 (KHTML, like Gecko)";
    const lines: Lines = [["user-agent", agent]];
    expect(await bought(byField("user-agent"), "user-agent", lines)).toEqual([1, agent]);
  });

  test.skipIf(isJoined)("two lines of the API's own Authorization are refused", async () => {
    const lines: Lines = [
      ["authorization", "Bearer a"],
      ["authorization", "Bearer b"],
    ];
    const terms = byField("authorization");
    expect(await bought(terms, "authorization", lines)).toEqual([400, "ERR_REQUEST"]);
  });

  test("a field that may come twice is priced by all of its lines", async () => {
    const lines: Lines = [
      ["x-size", "dear"],
      ["x-size", "cheap"],
    ];
    expect(await bought(byField("x-size"), "x-size", lines)).toEqual([1, "dear, cheap"]);
  });

  test("a field that came twice and is not read by the price is left to the handler", async () => {
    const lines: Lines = [
      ["user-agent", "a"],
      ["user-agent", "b"],
    ];
    expect((await bought(byField("x-size"), "x-size", lines))[0]).toBe(1);
  });

  test("the API's own Authorization is priced, beside a credential of ours", async () => {
    const terms: Terms = {
      price: ({ headers }) =>
        headers.get("authorization") === "Bearer dear" ? "100 sat" : "1 sat",
    };
    expect(await bought(terms, "x-size", [["authorization", "Bearer dear"]])).toEqual([
      100,
      "undefined",
    ]);
  });
});
