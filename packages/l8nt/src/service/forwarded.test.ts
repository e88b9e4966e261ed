/** What a handler may send on of the fields of a request. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { mentionsCredential, readAuthorization } from "../l402/authorization.ts";
import { headersWithoutCredential, stripHeaders } from "./forwarded.ts";
import { strippedRequest } from "./stripped.ts";

const OURS = "L402 AgEEbHNhdAJCAAA=:00ff";

test.each<[field: string, left: string | null]>([
  [OURS, null],
  [OURS.replace("L402", "lsat"), null],
  ["L402 m,m:00ff", null],
  ["L402", null],
  ["Bearer key", "Bearer key"],
  [`${OURS}, Bearer key`, "Bearer key"],
  [`Bearer key, ${OURS}`, "Bearer key"],
  [`Bearer key,${OURS},${OURS}`, "Bearer key"],
  [`Digest username="a", realm="b, c", ${OURS}`, 'Digest username="a", realm="b, c"'],
  [
    `Digest realm="b, ${OURS.replace("00ff", "cc")}", ${OURS}`,
    `Digest realm="b, ${OURS.replace("00ff", "cc")}"`,
  ],
  [`Digest realm = "b, c" , ${OURS},Bearer key`, 'Digest realm = "b, c" ,Bearer key'],
  [`Digest realm="b, ${OURS}`, 'Digest realm="b'],
  [`${OURS}, realm="b, c", Bearer key`, "Bearer key"],
  [`${OURS}, realm = "b, c"`, null],
  [`${OURS}, Digest username="a", realm="b"`, 'Digest username="a", realm="b"'],
])("of Authorization: %s", (field, left) => {
  for (const given of [new Headers({ authorization: field }), { authorization: field }]) {
    const headers = headersWithoutCredential(given);
    expect(headers.get("authorization")).toBe(left);
    expect([...headers.values()].join()).not.toContain("00ff");
  }
});

test("the fields of gRPC clients go, and all others stay", () => {
  const given = {
    macaroon: "aa",
    "grpc-metadata-macaroon": "bb",
    ":path": "/a",
    "x-none": undefined,
  };
  const others = { accept: "text/plain", "x-two": ["1", "2"] };
  expect([...headersWithoutCredential({ ...given, ...others })]).toEqual([
    ["accept", "text/plain"],
    ["x-two", "1, 2"],
  ]);
});

test("nothing is left that would be read as a credential", () => {
  const element = fc.constantFrom(
    ...[
      OURS,
      "lsat  a:b",
      "L402",
      "Bearer key",
      "Basic YTpi",
      'Digest realm="x"',
      'Digest realm="x, L402 y"',
      'realm = "x\\"',
      '"',
      'qop="auth"',
      "",
    ],
  );
  fc.assert(
    fc.property(
      fc.array(element, { maxLength: 6 }),
      fc.constantFrom(",", ", ", " ,\t"),
      (all, comma) => {
        const headers = new Headers({ authorization: all.join(comma) });
        stripHeaders(headers);
        expect(readAuthorization(headers.get("authorization"))).toBeUndefined();
        expect(mentionsCredential(headers.get("authorization") ?? "")).toBe(false);
      },
    ),
  );
});

test("a request with immutable fields is made anew, of its class, with its body and signal", async () => {
  class Immutable extends Request {
    override get headers(): Headers {
      return Object.assign(new Headers(super.headers), {
        delete: () => {
          throw new TypeError("Can't modify immutable headers.");
        },
      });
    }
  }
  const abort = new AbortController();
  const given = new Immutable("https://a.example/x?y", {
    method: "POST",
    body: "text",
    headers: { authorization: OURS, "x-other": "1" },
    signal: abort.signal,
  });
  const request = strippedRequest(given);
  expect(request).toBeInstanceOf(Immutable);
  expect([request.method, request.url]).toEqual(["POST", "https://a.example/x?y"]);
  expect([...request.headers.keys()]).toEqual(["content-type", "x-other"]);
  expect(await request.text()).toBe("text");
  abort.abort();
  expect(request.signal.aborted).toBe(true);
});
