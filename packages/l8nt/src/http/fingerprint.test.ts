/** The fingerprint of a request: what a price may depend on, and nothing else. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fingerprintOf } from "./fingerprint.ts";

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
    // Not passed on.
    "Authorization",
    "Cookie",
    "Forwarded",
    "Accept-Encoding",
    "Content-Length",
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
