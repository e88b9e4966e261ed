/** The fingerprint of a request: what a price may depend on, and nothing else. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "../internal/bytes.ts";
import { fingerprintOf, pricedFingerprintOf } from "./fingerprint.ts";

type Fields = readonly (readonly [string, string])[];

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Fields;
  readonly body?: Uint8Array<ArrayBuffer>;
}

const asked: Asked = {
  method: "POST",
  url: "https://api.example/a?n=1",
  headers: [
    ["accept", "text/plain"],
    ["x-size", "big"],
  ],
  body: new Uint8Array([1, 2]),
};
const of = ({ url, ...request }: Asked) => fingerprintOf(request, new URL(url));
const withField = (name: string, value: string): Asked => ({
  ...asked,
  headers: [...asked.headers, [name, value]],
});

describe("differs if one priced part differs", () => {
  const { body: _, ...bodiless } = asked;
  test.each<[string, Asked]>([
    ["the method", { ...asked, method: "PUT" }],
    ["the path", { ...asked, url: "https://api.example/b?n=1" }],
    ["the query", { ...asked, url: "https://api.example/a?n=2" }],
    ["the order of the query", { ...asked, url: "https://api.example/a?n=1&" }],
    ["the origin", { ...asked, url: "https://api.example:444/a?n=1" }],
    ["the body", { ...asked, body: new Uint8Array([1, 3]) }],
    ["no body", bodiless],
    ["an empty body", { ...asked, body: new Uint8Array() }],
    ["a field's value", { ...asked, headers: [["accept", "text/html"], asked.headers[1]!] }],
    ["a field more", withField("x-more", "1")],
    ["a field less", { ...asked, headers: asked.headers.slice(1) }],
    ["a field's second line", withField("accept", "text/plain")],
    ...[
      ["x-tenant", "bob"],
      ["accept-language", "de"],
      ["authorization", "Bearer bob"],
      ["cookie", "session=bob"],
      ["x-forwarded-user", "bob"],
      ["x-http-method-override", "DELETE"],
      ["x-original-url", "/other"],
      ["fastly-key", "k"],
      ["cf-access-client-id", "bob"],
      ["x-amz-date", "1"],
    ].map(([name, value]): [string, Asked] => [name!, withField(name!, value!)]),
  ])("%s", (_what, other) => {
    expect(of(other)).not.toBe(of(asked));
  });

  test("no two of them collide", () => {
    const requests: Asked[] = [
      asked,
      { ...bodiless, headers: [["a", "b"]] },
      { ...bodiless, headers: [["a", '","b"']] },
      {
        ...bodiless,
        headers: [
          ["a", ""],
          ["b", ""],
        ],
      },
    ];
    expect(new Set(requests.map(of)).size).toBe(requests.length);
  });
});

describe("is the same", () => {
  test.each([
    "Idempotency-Key",
    "traceparent",
    "tracestate",
    "baggage",
    "X-Request-Id",
    "x-correlation-id",
    "Date",
    "User-Agent",
    // Of the way that it came by.
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "CDN-Loop",
    "CF-Connecting-IP",
    "CF-Ray",
    "X-Amzn-Trace-Id",
    "X-Amz-Cf-Id",
    "X-Request-Start",
    "Early-Data",
    "Connection",
    "Accept-Encoding",
    "Content-Length",
    "Host",
    // Ours.
    "Macaroon",
    "Grpc-Metadata-Macaroon",
    "Sigil-Use",
  ])("whatever %s is", (name) => {
    expect(of(withField(name, "one"))).toBe(of(asked));
    expect(of(withField(name, "two"))).toBe(of(asked));
  });

  test("with another fragment, which is never sent", () => {
    expect(of({ ...asked, url: `${asked.url}#part` })).toBe(of(asked));
  });

  test("for equal requests, in whatever order and case the fields are", () => {
    const name = fc.constantFrom("accept", "x-a", "x-b", "content-type");
    const field = fc.tuple(name, fc.constantFrom("1", "2", "three"));
    const fields = fc.uniqueArray(field, { selector: ([one]) => one, maxLength: 4 });
    fc.assert(
      fc.property(fields, fc.uint8Array({ maxLength: 8 }), (headers, bytes) => {
        const body = new Uint8Array(bytes);
        const shouted = [...headers].reverse().map(([n, v]) => [n.toUpperCase(), `${v} `] as const);
        expect(of({ ...asked, headers: shouted, body })).toBe(of({ ...asked, headers, body }));
      }),
    );
  });
});

describe("what is priced of a JSON-RPC call", () => {
  const JSON_TYPE: Fields = [["Content-Type", "application/json; charset=utf-8"]];
  const pricedOf = (text: string, headers: Fields = JSON_TYPE) =>
    pricedFingerprintOf({ method: "POST", headers, body: utf8(text) }, new URL(asked.url));
  const call = (parts: object) =>
    JSON.stringify({ jsonrpc: "2.0", method: "tools/call", ...parts });
  const params = { name: "forecast", arguments: { city: "Oslo" } };
  const first = call({ params, id: 1 });

  test.each([
    ["another id", call({ params, id: 2 })],
    ["an id that is a text", call({ params, id: "b1" })],
    ["another place of the id", JSON.stringify({ id: 1, ...JSON.parse(call({ params })) })],
    ["a _meta", call({ params: { ...params, _meta: { progressToken: 7 } }, id: 1 })],
  ])("is the same with %s", (_what, text) => {
    expect(pricedOf(text)).toBe(pricedOf(first));
  });

  test.each([
    ["another method", JSON.stringify({ jsonrpc: "2.0", method: "tools/list", params, id: 1 })],
    ["another tool", call({ params: { ...params, name: "alert" }, id: 1 })],
    ["other arguments", call({ params: { ...params, arguments: { city: "Rome" } }, id: 1 })],
    ["an id among the arguments", call({ params: { ...params, arguments: { id: 1 } }, id: 1 })],
    ["no params", call({ id: 1 })],
    ["no id, which is a notification", call({ params })],
  ])("differs with %s", (_what, text) => {
    expect(pricedOf(text)).not.toBe(pricedOf(first));
  });

  const meta = (value: number) => ({ ...params, arguments: { _meta: value } });
  test.each([
    ["the arguments", call({ params: meta(1), id: 1 }), call({ params: meta(2), id: 1 })],
    ["a batch", `[${call({ params, id: 1 })}]`, `[${call({ params, id: 2 })}]`],
    ["JSON that is no JSON-RPC 2.0", '{"method":"m","id":1}', '{"method":"m","id":2}'],
    ["a result", '{"jsonrpc":"2.0","result":1,"id":1}', '{"jsonrpc":"2.0","result":1,"id":2}'],
    // Readers differ about which one counts.
    [
      "a repeated key",
      '{"jsonrpc":"2.0","method":"m","params":{"a":1},"params":{"a":3},"id":1}',
      '{"jsonrpc":"2.0","method":"m","params":{"a":2},"params":{"a":3},"id":1}',
    ],
    // One number to some readers.
    [
      "a number that is rounded",
      '{"jsonrpc":"2.0","method":"m","params":{"sat":9007199254740992},"id":1}',
      '{"jsonrpc":"2.0","method":"m","params":{"sat":9007199254740993},"id":1}',
    ],
  ])("counts each byte of %s", (_what, one, other) => {
    expect(pricedOf(one)).not.toBe(pricedOf(other));
  });

  test.each<[string, Fields]>([
    ["no content type", []],
    ["another content type", [["content-type", "text/plain"]]],
    ["a type that only begins so", [["content-type", "application/json-seq"]]],
    ["two content types", [...JSON_TYPE, ["content-type", "application/json"]]],
  ])("counts each byte with %s", (_what, headers) => {
    expect(pricedOf(call({ params, id: 2 }), headers)).not.toBe(pricedOf(first, headers));
  });

  test("and the fingerprint of the request itself counts all of it", () => {
    const whole = (text: string) => of({ ...asked, headers: JSON_TYPE, body: utf8(text) });
    expect(whole(call({ params, id: 2 }))).not.toBe(whole(first));
  });
});
