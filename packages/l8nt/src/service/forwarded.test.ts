/** What a handler may send on of the fields of a request. */
import { expect, test } from "vitest";
import { headersWithoutCredential } from "./forwarded.ts";

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
