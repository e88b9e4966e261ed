/** Codecs: what is written is read back, what is read fits the schema, a fault names the field. */
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AdapterError } from "../errors.ts";
import { amount, decimal } from "./amount.ts";
import {
  type Codec,
  count,
  flag,
  hash,
  list,
  nodeId,
  nullable,
  object,
  oneOf,
  optional,
  pair,
  readLeniently,
  readStrictly,
  seconds,
  text,
  variants,
} from "./codec.ts";
import { message, queryOf, readAsked, writeRequest } from "./message.ts";
import { ownerFreeze, ownerGiveUp, ownerPayments } from "./owner.ts";
import { base64, purchase } from "./purchase.ts";
import { ownReceipts } from "./receipts.ts";
import { revocation } from "./revocation.ts";

const ajv = new Ajv2020({ strict: false });
const HASH = "ab".repeat(32);

const faultOf = (read: () => unknown): AdapterError => {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(AdapterError);
    return error as AdapterError;
  }
  throw new Error("it was read");
};

const sample = object({
  text,
  flag,
  seconds,
  hash,
  nodeId,
  kind: oneOf("a", "b"),
  rows: list(count(1000)),
  both: pair(text, flag),
  none: nullable(text),
  amount,
  maybe: optional(decimal),
  event: variants("type", { put: { value: text }, drop: { id: count() } }),
});

describe("one definition gives schema, reader and writer", () => {
  /** Each codec, with JSON that it reads. */
  const NODE = HASH.slice(0, 32);
  const codecs: readonly (readonly [string, Codec<unknown>, unknown])[] = [
    [
      "every codec",
      sample,
      {
        text: "x",
        flag: true,
        seconds: 1.5,
        hash: HASH,
        nodeId: NODE,
        kind: "a",
        rows: [1, 2],
        both: ["x", false],
        none: "x",
        amount: { unit: "usd_micro", value: "5" },
        maybe: "-1",
        event: { type: "put", value: "x" },
      },
    ],
    [
      "an order without a body",
      purchase.body!,
      {
        id: "order-of-a-test",
        method: "GET",
        url: "https://a.example/",
        headers: [["a", "b"]],
        refused: { paymentHash: HASH, mayBeUsed: true, unanswered: true },
        answered: ["another-order"],
        underWay: [],
      },
    ],
    ["a revocation", revocation.body!, { caveats: ["agent=x.0000000000000000"] }],
    ["a freeze", ownerFreeze.body!, { node: NODE, reason: "why not" }],
  ];

  type Path = readonly (string | number)[];
  const pathsIn = (json: unknown): Path[] =>
    typeof json === "object" && json !== null
      ? Object.entries(json).flatMap(([key, value]) => [
          [key],
          ...pathsIn(value).map((path) => [key, ...path]),
        ])
      : [];
  /** A copy of `json` in which the value at `path` is another, or is missing. */
  const changed = (json: unknown, [key, ...rest]: Path, value: unknown): unknown => {
    const copy: Record<string, unknown> = Array.isArray(json)
      ? ([...json] as unknown as Record<string, unknown>)
      : { ...(json as Record<string, unknown>) };
    if (rest.length > 0) copy[key!] = changed(copy[key!], rest, value);
    else if (value === undefined && !Array.isArray(copy)) delete copy[key!];
    else copy[key!] = value ?? null;
    return copy;
  };
  const otherValue = fc.oneof(
    fc.constantFrom(undefined, "", "a", "put", "drop", "msat", "12", "-1", HASH, NODE, "a\n", null),
    fc.constantFrom(true, 0, 1, -1, 1000, 1001, 1.5, 1e300, [], {}, ["a", "b"], [["a", "b"]]),
  );

  test.each(codecs)(
    "the reader of %s takes exactly what its schema takes",
    (_name, codec, valid) => {
      const validate = ajv.compile(codec.schema);
      const paths = pathsIn(valid);
      const tally = { read: 0, refused: 0 };
      const compare = (json: unknown) => {
        let isRead = true;
        try {
          readStrictly(codec, json, "sample");
        } catch {
          isRead = false;
        }
        tally[isRead ? "read" : "refused"]++;
        expect(isRead, JSON.stringify(json)).toBe(validate(json));
      };
      compare(valid);
      const anyPath = fc.oneof(
        fc.constantFrom(...paths),
        fc.constantFrom<Path>(["more"], ["__proto"], [...paths.at(-1)!.slice(0, -1), "more"]),
      );
      fc.assert(
        fc.property(fc.array(fc.tuple(anyPath, otherValue), { maxLength: 3 }), (changes) => {
          let json = valid;
          for (const [path, value] of changes)
            if (
              path.length === 1 ||
              pathsIn(json).some((one) => `${one}` === `${path.slice(0, -1)}`)
            )
              json = changed(json, path, value);
          compare(JSON.parse(JSON.stringify(json)));
        }),
        { numRuns: 2000 },
      );
      expect(tally.read).toBeGreaterThan(20);
      expect(tally.refused).toBeGreaterThan(20);
    },
  );

  test("the reader of base64 takes exactly what its schema takes, in both alphabets", () => {
    const validate = ajv.compile(base64.schema);
    const tally = { read: 0, refused: 0 };
    const compare = (text: string) => {
      let isRead = true;
      try {
        readStrictly(base64, text, "sample");
      } catch {
        isRead = false;
      }
      tally[isRead ? "read" : "refused"]++;
      expect(isRead, JSON.stringify(text)).toBe(validate(text));
    };
    const digits = fc.string({ unit: fc.constantFrom(..."AQgwEM059z+/-_=\n "), maxLength: 9 });
    fc.assert(fc.property(digits, compare), { numRuns: 20_000 });
    const bytes = fc.uint8Array({ maxLength: 9 }).map((some) => Buffer.from(some));
    for (const alphabet of ["base64", "base64url"] as const)
      fc.assert(
        fc.property(bytes, (some) => {
          const text = some.toString(alphabet);
          for (const one of [text, text.replace(/=+$/, ""), text.replace(/=$/, "")]) compare(one);
        }),
      );
    expect(Math.min(tally.read, tally.refused)).toBeGreaterThan(100);
  });

  test("a value is written to what the schema lists, and read back as it was", () => {
    const value = {
      text: "x",
      flag: false,
      seconds: 1.5,
      hash: HASH,
      nodeId: HASH.slice(0, 32),
      kind: "b",
      rows: [0, 1000],
      both: ["x", true],
      none: null,
      amount: { unit: "msat", value: 2_100_000_000_000_000_000n },
      maybe: -1n,
      event: { type: "drop", id: 7 },
    } as const;
    const json = JSON.parse(JSON.stringify(sample.write(value))) as unknown;
    expect(json).toMatchObject({ amount: { unit: "msat", value: "2100000000000000000" } });
    expect(ajv.compile(sample.schema)(json)).toBe(true);
    expect(readStrictly(sample, json, "sample")).toEqual(value);
  });

  test("what the schema does not list is not written [case 100]", () => {
    const codec = object({ id: text, inner: object({ a: text }) });
    const value = { id: "x", preimage: HASH, inner: { a: "y", macaroon: "AgE" } };
    expect(codec.write(value)).toEqual({ id: "x", inner: { a: "y" } });
  });

  test("a newer server's field is left out of an answer, at every depth", () => {
    const codec = object({ id: text, rows: list(object({ a: text })) });
    const json = { id: "x", more: 1, rows: [{ a: "y", more: 1 }] };
    expect(readLeniently(codec, json, "answer")).toEqual({ id: "x", rows: [{ a: "y" }] });
    expect(() => readStrictly(codec, json, "answer")).toThrow(AdapterError);
  });
});

describe("a fault names the field, the message and what to do", () => {
  const order = { id: "order-of-a-test", method: "GET", url: "https://a.example/" };
  test.each<[unknown, string]>([
    [
      { ...order, pric: "10 sat" },
      'unknown field "pric" in purchase; allowed: id, method, url, headers, body, madeKey, refused, answered, underWay',
    ],
    [{ id: order.id, method: "GET" }, 'missing field "url" in purchase'],
    [{ ...order, id: undefined }, 'missing field "id" in purchase'],
    [
      { ...order, id: "7 chars" },
      'field "id" in purchase must be 8 to 64 letters, digits, _ and -',
    ],
    [
      { ...order, answered: Array.from({ length: 65 }, () => order.id) },
      'field "answered" in purchase must be a list of 64 at most',
    ],
    [
      { ...order, underWay: ["\n"] },
      'field "underWay[0]" in purchase must be 8 to 64 letters, digits, _ and -',
    ],
    [{ ...order, method: ["GET"] }, 'field "method" in purchase must be a string'],
    [{ ...order, headers: { a: "b" } }, 'field "headers" in purchase must be a list'],
    [
      {
        ...order,
        headers: [
          ["a", "b"],
          ["a\r\nb", "c"],
        ],
      },
      'field "headers[1][0]" in purchase must be the name of a header field',
    ],
    [{ ...order, headers: [["a"]] }, 'field "headers[0]" in purchase must be a list of two'],
    [{ ...order, body: "%%" }, 'field "body" in purchase must be base64'],
    [{ ...order, refused: { paymentHash: HASH } }, 'missing field "refused.mayBeUsed" in purchase'],
    [
      { ...order, refused: { paymentHash: HASH, mayBeUsed: true, by: "x" } },
      'unknown field "refused.by" in purchase; allowed: paymentHash, mayBeUsed, unanswered',
    ],
    [[], "the purchase must be a JSON object"],
    [null, "the purchase must be a JSON object"],
    ["GET", "the purchase must be a JSON object"],
  ])("%j", (json, says) => {
    const { code, message: said } = faultOf(() => readStrictly(purchase.body!, json, "purchase"));
    expect(code).toBe("ERR_REQUEST");
    expect(said).toBe(`The request cannot be read: ${says}.`);
  });

  test("__proto__ and constructor are unknown fields, and a missing field is not inherited", () => {
    const json = JSON.parse(
      '{"id":"order-of-a-test","method":"GET","url":"https://a.example/","__proto__":{"body":"AA=="}}',
    ) as unknown;
    expect(faultOf(() => readStrictly(purchase.body!, json, "purchase")).message).toContain(
      'unknown field "__proto__"',
    );
    const inherits = object({ toString: text });
    expect(faultOf(() => readStrictly(inherits, {}, "x")).message).toContain("missing field");
  });

  test("the name of an unknown field is cut, and its value is never shown", () => {
    const secret = "s".repeat(64);
    const { message: said } = faultOf(() =>
      readStrictly(purchase.body!, { ...order, [secret]: HASH }, "purchase"),
    );
    expect(said).not.toContain(secret);
    expect(said).not.toContain(HASH);
  });
});

describe("a message is written by a client and read by a server", () => {
  const BASE = "https://treasury.example";
  const asked = async (
    declared: Parameters<typeof readAsked>[0],
    [url, init]: readonly [string, RequestInit],
    segments: Readonly<Record<string, string>> = {},
  ) => readAsked(declared, new Request(url, init), segments);

  test("a body, with the credential in Authorization", async () => {
    const body = {
      id: "order-of-a-test",
      method: "POST",
      url: "https://a.example/",
      headers: [["a", "b"]] as const,
      body: new Uint8Array([0, 255]),
      refused: { paymentHash: HASH, mayBeUsed: false },
      underWay: ["another-order"],
    };
    const sent = writeRequest(purchase, BASE, "cred", { body });
    expect(sent[0]).toBe(`${BASE}/v1/purchases`);
    expect(new Request(...sent).headers.get("authorization")).toBe("L402 cred");
    expect(await asked(purchase, sent)).toEqual({ body });
  });

  test("a query, with numbers as numbers", async () => {
    const query = { status: "open", limit: 7 } as const;
    const sent = writeRequest(ownerPayments, BASE, "cred", { query });
    expect(sent[0]).toBe(`${BASE}/v1/owner/payments?status=open&limit=7`);
    expect(await asked(ownerPayments, sent)).toEqual({ query });
    expect(
      await asked(ownerPayments, writeRequest(ownerPayments, BASE, "", { query: {} })),
    ).toEqual({ query: {} });
  });

  test("a parameter of the path", async () => {
    const given = { parameters: { hash: HASH }, body: { reason: "x" } };
    const sent = writeRequest(ownerGiveUp, BASE, "cred", given);
    expect(sent[0]).toBe(`${BASE}/v1/owner/payments/${HASH}/give-up`);
    expect(await asked(ownerGiveUp, sent, { hash: HASH })).toEqual(given);
    await expect(asked(ownerGiveUp, sent, { hash: "../tree" })).rejects.toThrow(
      'field "hash" in path of give-up must be 64 hex digits',
    );
  });

  test.each([
    [
      "stauts=open",
      'unknown field "stauts" in query of payments; allowed: status, node, before, limit',
    ],
    ["status=lost", "must be one of open, paid, used, failed, undelivered"],
    ["limit=1001", "must be a whole number, 1 or more and 1000 at most"],
    ["limit=0", "must be a whole number, 1 or more and 1000 at most"],
    ["limit=1e2", "must be a whole number"],
    ["limit=-1", "must be a whole number"],
    ["limit=", "must be a whole number"],
    ["node=*", "must be a node id"],
  ])("a query that cannot be read is refused: ?%s", async (query, says) => {
    const request = new Request(`${BASE}${ownerPayments.path}?${query}`);
    await expect(readAsked(ownerPayments, request, {})).rejects.toMatchObject({
      code: "ERR_REQUEST",
      message: expect.stringContaining(says),
    });
  });

  test("a parameter of the query that is given twice is refused", async () => {
    const request = new Request(`${BASE}${ownReceipts.path}?after=1&after=2`);
    await expect(readAsked(ownReceipts, request, {})).rejects.toMatchObject({
      code: "ERR_REQUEST",
    });
  });

  test("a body larger than the message allows is refused unread", async () => {
    const small = message({
      name: "note",
      method: "POST",
      path: "/x",
      summary: "",
      audience: "none",
      maxBodyBytes: 10,
      body: object({ a: text }),
    });
    const request = new Request(BASE, { method: "POST", body: '{"a":"0123456789"}' });
    await expect(readAsked(small, request, {})).rejects.toMatchObject({ code: "ERR_TOO_LARGE" });
  });
  test("queryOf keeps a number's text where the schema wants text", () => {
    const codec = object({ node: text, limit: optional(count()) });
    expect(queryOf(new URLSearchParams("node=1&limit=2"), codec)).toEqual({ node: "1", limit: 2 });
  });
});

test("a body that gives a field twice is refused by name, whichever value would be taken", async () => {
  const node = (digit: string) => `"node":"${digit.repeat(32)}"`;
  const asked = (body: string) =>
    readAsked(
      ownerFreeze,
      new Request("https://treasury.example/v1/owner/freeze", { method: "POST", body }),
      {},
    );
  for (const body of [
    `{${node("a")},${node("b")}}`,
    `{${node("a")},"nod\\u0065":"${"b".repeat(32)}"}`,
  ])
    await expect(asked(body)).rejects.toMatchObject({
      code: "ERR_REQUEST",
      message: 'The request cannot be read: field "node" in freeze is given twice.',
    });
  expect((await asked(`{${node("a")}}`)).body).toEqual({ node: "a".repeat(32) });
});
