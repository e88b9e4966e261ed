import { describe, expect, test } from "vitest";
import { relayed, requestFields } from "./hop.ts";

const namesOf = (fields: readonly (readonly [string, string])[]) => fields.map(([name]) => name);

describe("a request that is sent to another party", () => {
  test.each([
    // RFC 9110 §7.6.1
    [
      "Connection",
      "keep-alive",
      "TE",
      "Trailer",
      "Transfer-Encoding",
      "Upgrade",
      "Proxy-Connection",
    ],
    // Identities that are meant for somebody else. [cases 93, 94]
    ["Grpc-Metadata-Authorization", "Macaroon", "Grpc-Metadata-Macaroon"],
    ["Proxy-Authorization", "Cookie"],
    ["Host", "Origin", "Referer", "Expect", "Content-Length", "Accept-Encoding"],
    ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via", "True-Client-IP", "CF-Connecting-IP"],
    ["X-Forwarded-User", "CF-IPCountry", "CDN-Loop", "X-Envoy-Original-Path", "Early-Data"],
    // Fields that make another request of this one. [case 38]
    ["X-HTTP-Method-Override", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL"],
    ["Sigil-Relayed", "X-Sigil-Anything"],
  ])("loses %s and the like", (...names) => {
    const kept = [["accept", "a/b"]] as const;
    const fields = requestFields([...names.map((name) => [name, "x"] as const), ...kept]);
    expect(fields).toEqual(kept);
  });

  test("loses what Connection names, in any case and of several lines", () => {
    const fields = requestFields([
      ["connection", "close, X-Hop"],
      ["Connection", "x-other"],
      ["x-hop", "1"],
      ["X-Other", "1"],
      ["x-kept", "1"],
    ]);
    expect(namesOf(fields)).toEqual(["x-kept"]);
  });

  test("keeps every other field, in order, with repeated ones repeated", () => {
    const fields = [
      ["Content-Type", "text/plain"],
      ["Accept", "a"],
      ["Accept", "b"],
      ["Idempotency-Key", "1"],
      ["X-Api-Key", "k"],
    ] as const;
    expect(requestFields(fields)).toEqual(fields);
  });
});

describe("a response that is passed on", () => {
  test("keeps its status, its body and its own fields", async () => {
    const response = relayed(
      new Response("served", {
        status: 203,
        statusText: "Other",
        headers: { etag: '"1"', "x-answer": "kept", "content-type": "text/plain" },
      }),
    );
    expect([response.status, response.statusText, await response.text()]).toEqual([
      203,
      "Other",
      "served",
    ]);
    expect([...response.headers]).toEqual([
      ["content-type", "text/plain"],
      ["etag", '"1"'],
      ["x-answer", "kept"],
    ]);
  });

  test("loses cookies, encodings, Sigil's fields, and those of its hop", () => {
    const headers = new Headers({
      connection: "x-hop",
      "x-hop": "1",
      "keep-alive": "timeout=5",
      "content-encoding": "gzip",
      "content-length": "7",
      "sigil-payment": "forged",
      "x-kept": "1",
    });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    expect([...relayed(new Response(null, { headers })).headers]).toEqual([["x-kept", "1"]]);
  });

  test("keeps what became of the use", () => {
    const headers = { "sigil-use": "released", "sigil-used": "no" };
    expect([...relayed(new Response(null, { headers })).headers]).toEqual([
      ["sigil-use", "released"],
    ]);
  });
});
