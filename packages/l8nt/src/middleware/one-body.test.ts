/**
 * The body that is priced is the body that is served, whatever its charset, its coding and its type
 * make a parser read. spec/3-challenge.md §5.
 */
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import type { Terms } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { exchange } from "../testing/raw-http.ts";
import { EXPRESS_BEHIND, type Serve, STARTS, type Start } from "./fixtures/by-request.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";

/** One sat for each item, which a JSON body names. */
const BY_JSON: Terms = {
  price: async ({ json }) => `${((await json()) as { n: number }).n} sat`,
};
const items: Serve = ({ body }) =>
  String(((typeof body === "string" ? JSON.parse(body) : body) as { n: unknown }).n);
/** One sat for each character. */
const BY_TEXT: Terms = { price: async ({ text }) => `${(await text()).length} sat` };
const characters: Serve = ({ body }) => String((body as string).length);
/** One sat for each byte. */
const BY_BYTES: Terms = { price: async ({ body }) => `${(await body()).length} sat` };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Sent {
  readonly body: string | Uint8Array;
  readonly type?: string;
  readonly coding?: string;
}

/** The status of a request that is refused; what was asked and what was served of a paid one. */
async function bought(start: Start, terms: Terms, serve: Serve, { body, type, coding }: Sent) {
  const invoicer = new FakeInvoicer();
  const alarm = (what: string, cause: unknown) => {
    throw new Error(what, { cause });
  };
  const host = await listening(await start(newPaywall({ invoicer, alarm }), terms, serve));
  closers.push(host.close);
  const fields: (readonly [string, string])[] = [
    ...(type === undefined ? [] : [["content-type", type] as const]),
    ...(coding === undefined ? [] : [["content-encoding", coding] as const]),
  ];
  const asked = await exchange(host.url, { method: "POST", fields, body });
  if (asked.status !== 402) return { status: asked.status, code: JSON.parse(asked.body).code };
  const paid = present(invoicer.buy(asked.lines("www-authenticate")));
  const served = await exchange(host.url, { method: "POST", fields: [...fields, paid], body });
  const sat = Number(invoicer.requests.at(-1)!.amountMsat) / 1000;
  return { asked: sat, status: served.status, served: served.body };
}

const REFUSED = { status: 415, code: "ERR_MEDIA_TYPE" };
const JSON_OF = (n: number): string => JSON.stringify({ n, name: "é" });
const UTF_7 = '{"n":1,"a":"+ACI-,+ACI-n+ACI-:1000,+ACI-b+ACI-:+ACI-"}';
const FORM_IN_JSON = '{"n":1,"a":"&n=1000&"}';

describe.each(Object.entries(STARTS))("%s, paid() before the parser", (_, start) => {
  test.each<[what: string, sent: Sent]>([
    ["JSON", { type: "application/json", body: JSON_OF(7) }],
    ["JSON in UTF-8", { type: "application/json; charset=utf-8", body: JSON_OF(7) }],
    ["JSON in UTF-8, quoted", { type: 'application/json;charset="UTF-8"', body: JSON_OF(7) }],
    [
      "JSON with the coding identity",
      { type: "application/json", coding: "identity", body: JSON_OF(7) },
    ],
  ])("%s is sold by what is served", async (_what, sent) => {
    expect(await bought(start, BY_JSON, items, sent)).toEqual({
      asked: 7,
      status: 200,
      served: "7",
    });
  });

  test.each<[what: string, sent: Sent]>([
    ["UTF-7", { type: "application/json; charset=utf-7", body: UTF_7 }],
    ["UTF-7, in upper case and quoted", { type: 'application/json; CHARSET="UTF-7"', body: UTF_7 }],
    ["UTF-7 after UTF-8", { type: "application/json; charset=utf-8; charset=utf-7", body: UTF_7 }],
    ["UTF-7, with a blank", { type: "application/json; charset =utf-7", body: UTF_7 }],
    [
      "UTF-16",
      { type: "application/json; charset=utf-16le", body: Buffer.from(JSON_OF(7), "utf16le") },
    ],
    ["Latin-1", { type: "application/json; charset=iso-8859-1", body: JSON_OF(7) }],
    ["a form that is JSON", { type: "application/x-www-form-urlencoded", body: FORM_IN_JSON }],
    [
      "two types",
      { type: "application/json, application/x-www-form-urlencoded", body: FORM_IN_JSON },
    ],
    ["gzip", { type: "application/json", coding: "gzip", body: gzipSync(JSON_OF(7)) }],
    [
      "a coding after identity",
      { type: "application/json", coding: "identity, br", body: JSON_OF(7) },
    ],
  ])("JSON is refused as %s, and nothing is sold", async (_what, sent) => {
    expect(await bought(start, BY_JSON, items, sent)).toEqual(REFUSED);
  });

  test.each<[what: string, sent: Sent, outcome: object]>([
    ["UTF-8", { type: "text/plain", body: "é" }, { asked: 1, status: 200, served: "1" }],
    [
      "ASCII",
      { type: "text/plain; charset=us-ascii", body: "ee" },
      { asked: 2, status: 200, served: "2" },
    ],
    [
      "UTF-8 that is declared as ASCII",
      { type: "text/plain; charset=us-ascii", body: "é" },
      REFUSED,
    ],
    ["UTF-7", { type: "text/plain; charset=utf-7", body: "+AHA-" }, REFUSED],
  ])("text in %s is sold by what is served, or refused", async (_what, sent, outcome) => {
    expect(await bought(start, BY_TEXT, characters, sent)).toEqual(outcome);
  });

  test("bytes are not priced by their compressed length", async () => {
    const body = gzipSync(Buffer.alloc(90_000, "a"));
    const sent = { type: "text/plain", body };
    expect(await bought(start, BY_BYTES, characters, { ...sent, coding: "gzip" })).toEqual(REFUSED);
  });

  test("a price that does not read the body refuses none of them", async () => {
    const fixed: Terms = { price: () => "3 sat" };
    for (const type of ["application/octet-stream; charset=utf-7", "application/octet-stream"])
      expect(await bought(start, fixed, () => "served", { type, body: "+AHA-" })).toMatchObject({
        asked: 3,
        status: 200,
      });
  });
});

describe("Express, paid() behind the parser", () => {
  test.each<[what: string, sent: Sent]>([
    ["gzip", { type: "application/json", coding: "gzip", body: gzipSync(JSON_OF(7)) }],
    [
      "UTF-16",
      { type: "application/json; charset=utf-16le", body: Buffer.from(JSON_OF(7), "utf16le") },
    ],
    ["a form", { type: "application/x-www-form-urlencoded", body: "n=7" }],
  ])("a value that was read of %s is sold by what is served", async (_what, sent) => {
    expect(await bought(EXPRESS_BEHIND, BY_JSON, items, sent)).toEqual({
      asked: 7,
      status: 200,
      served: "7",
    });
  });
});
