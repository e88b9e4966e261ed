/** Bodies of methods that have none, over HTTP/1.1 and HTTP/2. */
import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { requestFault } from "./request.ts";

const incoming = (method: string, more: object): IncomingMessage =>
  ({ method, url: "/a", rawHeaders: [], headers: {}, httpVersion: "1.1", ...more }) as never;

const BODIES = {
  "a length": { headers: { "content-length": "3" }, rawHeaders: ["Content-Length", "3"] },
  chunks: {
    headers: { "transfer-encoding": "chunked" },
    rawHeaders: ["Transfer-Encoding", "chunked"],
  },
  "a stream of HTTP/2": { httpVersion: "2.0", stream: { endAfterHeaders: false } },
};
const NO_BODIES = {
  nothing: {},
  "a length of 0": { headers: { "content-length": "0" } },
  "the end of a stream of HTTP/2": { httpVersion: "2.0", stream: { endAfterHeaders: true } },
};

describe.each(["GET", "HEAD"])("a %s", (method) => {
  test.each(Object.entries(BODIES))("with %s is refused", (_what, more) => {
    expect(requestFault(incoming(method, more))).toContain("has no body");
  });
  test.each(Object.entries(NO_BODIES))("with %s is not", (_what, more) => {
    expect(requestFault(incoming(method, more))).toBeUndefined();
  });
});

test.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])("a %s has one", (method) => {
  for (const more of Object.values(BODIES))
    expect(requestFault(incoming(method, more))).toBeUndefined();
});
