/** Endpoint patterns: the grammar, and the requests that they cover. Hand-written tables. */
import { describe, expect, test } from "vitest";
import { matchesEndpoint, readEndpoint, readEndpoints } from "./endpoint.ts";
import { readOrigin, targetAt } from "./target.ts";

function covers(entry: string, request: string): boolean {
  const [method = "", url = ""] = request.split(" ");
  const { 1: base, 2: path } = /^(\w+:\/\/[^/]+)(.*)$/.exec(url)!;
  const target = targetAt(method, readOrigin(base!)!, path!);
  return (
    target !== undefined &&
    readEndpoints(entry)!.some((pattern) => matchesEndpoint(pattern, target))
  );
}

describe("paths", () => {
  test.each<[string, string[], string[]]>([
    [
      "/a/b",
      ["/a/b", "/a/b?x=1", "/%61/b"],
      ["/a", "/a/", "/a/b/", "/a/b/c", "/a/bc", "/a/B", "/a//b", "//a/b", "/", "/x/a/b"],
    ],
    ["/", ["/", "/?x"], ["//", "/a"]],
    ["/a/", ["/a/"], ["/a", "/a//", "/a/b"]],
    ["/*", ["/a", "/a%20b", "/*", "/**"], ["/", "//", "/a/", "/a/b"]],
    ["/a/*", ["/a/b", "/a/..b"], ["/a", "/a/", "/a/b/c", "/ab", "/b/b"]],
    ["/*/b", ["/a/b", "/x/b"], ["//b", "/b", "/a/b/b", "/a/c"]],
    ["/a/*/c", ["/a/b/c"], ["/a/c", "/a//c", "/a/b/b/c", "/a/b/c/d"]],
    ["/**", ["/", "/a", "/a/b/c", "//"], []],
    ["/a/**", ["/a/", "/a/b", "/a/b/c", "/a//"], ["/a", "/ab", "/A/b", "/b/a/b", "//a/b"]],
    ["/a/*/**", ["/a/b/", "/a/b/c"], ["/a/", "/a/b", "/a//c"]],
    ["/a%2A", ["/a%2a", "/a%2A"], ["/a*", "/ab"]],
    ["/%7Euser/%e2%82%ac", ["/~user/%E2%82%AC", "/%7euser/%e2%82%ac"], ["/user/%E2%82%AC"]],
  ])("%s", (pattern, inside, outside) => {
    const entry = `GET https://api.example${pattern}`;
    for (const path of inside)
      expect.soft(covers(entry, `GET https://api.example${path}`), path).toBe(true);
    for (const path of outside)
      expect.soft(covers(entry, `GET https://api.example${path}`), path).toBe(false);
  });
});

describe("methods [case 38]", () => {
  test.each<[string, string[], string[]]>([
    ["GET", ["GET", "HEAD"], ["POST", "PUT", "DELETE", "OPTIONS", "get"]],
    ["HEAD", ["HEAD"], ["GET", "POST"]],
    ["POST", ["POST"], ["GET", "HEAD", "PATCH"]],
    ["GET|POST", ["GET", "HEAD", "POST"], ["PUT"]],
    ["*", ["GET", "HEAD", "POST", "QUERY"], ["CONNECT", "TRACE", "TRACK", "get"]],
    ["CONNECT|TRACE", [], ["CONNECT", "TRACE"]],
  ])("%s", (methods, inside, outside) => {
    const entry = `${methods} https://api.example/a`;
    for (const method of inside)
      expect.soft(covers(entry, `${method} https://api.example/a`), method).toBe(true);
    for (const method of outside)
      expect.soft(covers(entry, `${method} https://api.example/a`), method).toBe(false);
  });
});

describe("origins [cases 33, 35]", () => {
  test.each<[string, string[], string[]]>([
    [
      "https://api.example",
      ["https://api.example", "https://API.EXAMPLE", "https://api.example:443"],
      [
        "http://api.example",
        "http://api.example:443",
        "https://api.example:80",
        "https://api.example:8443",
        "https://www.api.example",
        "https://api.example.evil",
        "https://evilapi.example",
        "https://example",
      ],
    ],
    [
      "https://api.example:8443",
      ["https://api.example:8443"],
      ["https://api.example", "http://api.example:8443"],
    ],
    [
      "https://api.example:*",
      ["https://api.example", "https://api.example:1"],
      ["http://api.example:1", "https://x.example:1"],
    ],
    [
      "https://*.api.example",
      ["https://a.api.example", "https://a.b.api.example"],
      [
        "https://api.example",
        "https://evilapi.example",
        "https://a.api.example.evil",
        "https://a.api.example:8443",
        "http://a.api.example",
      ],
    ],
    [
      "https://*",
      ["https://anything.example", "https://[::1]"],
      ["http://anything.example", "https://anything.example:8443"],
    ],
    [
      "http://[::1]:8080",
      ["http://[::1]:8080", "http://[0:0::1]:8080"],
      ["http://[::2]:8080", "http://127.0.0.1:8080"],
    ],
    [
      "http://127.0.0.1:8402",
      ["http://127.0.0.1:8402", "http://127.1:8402"],
      ["http://127.0.0.2:8402", "http://localhost:8402"],
    ],
  ])("%s", (origin, inside, outside) => {
    const entry = `GET ${origin}/a`;
    for (const other of inside) expect.soft(covers(entry, `GET ${other}/a`), other).toBe(true);
    for (const other of outside) expect.soft(covers(entry, `GET ${other}/a`), other).toBe(false);
  });
});

describe("lists [case 22]", () => {
  test("an empty list covers nothing", () => {
    expect(readEndpoints("")).toEqual([]);
    expect(covers("", "GET https://api.example/")).toBe(false);
  });

  test("a list covers what any of its entries covers", () => {
    const list = "GET https://a.example/x;POST https://b.example/y";
    expect(covers(list, "GET https://a.example/x")).toBe(true);
    expect(covers(list, "POST https://b.example/y")).toBe(true);
    expect(covers(list, "POST https://a.example/x")).toBe(false);
    expect(covers(list, "GET https://a.example/y")).toBe(false);
  });

  test.each([
    ";",
    "GET https://a.example/;",
    ";GET https://a.example/",
    "GET https://a.example/;;GET https://b.example/",
    "GET https://a.example/; GET https://b.example/",
    "GET https://a.example/;nonsense",
    "GET https://a.example/,GET https://b.example/",
  ])("%j is refused, because one entry is malformed", (list) => {
    expect(readEndpoints(list)).toBeUndefined();
  });
});

describe("texts that are not patterns [cases 22, 30, 33, 35, 37]", () => {
  test.each([
    "",
    "*",
    "GET",
    "https://api.example/",
    "/a",
    "GET /a",
    "get https://api.example/",
    "GET  https://api.example/",
    " GET https://api.example/",
    "GET https://api.example/ ",
    "GET\thttps://api.example/",
    "GET https://api.example/\n",
    "GET| https://api.example/",
    "|GET https://api.example/",
    "GET||POST https://api.example/",
    "GET,POST https://api.example/",
    "*|GET https://api.example/",
    "GET|* https://api.example/",
    "GET https://api.example",
    "GET api.example/a",
    "GET HTTPS://api.example/",
    "GET ftp://api.example/",
    "GET *://api.example/",
    "GET https://API.example/",
    "GET https://user@api.example/",
    "GET https://user:pw@api.example/",
    "GET https://api.example./",
    "GET https://.api.example/",
    "GET https://api..example/",
    "GET https://-api.example/",
    "GET https://api-.example/",
    "GET https://*api.example/",
    "GET https://a*.example/",
    "GET https://api.*.example/",
    "GET https://api.*/",
    "GET https://**/",
    "GET https://*.*.example/",
    "GET https://*./",
    "GET https:///a",
    "GET https://api.example:/a",
    "GET https://api.example:0/a",
    "GET https://api.example:080/a",
    "GET https://api.example:65536/a",
    "GET https://api.example:99999/a",
    "GET https://api.example:8*/a",
    "GET https://api.example:-1/a",
    "GET https://bücher.example/a",
    "GET https://api.example/a?b",
    "GET https://api.example/a?",
    "GET https://api.example/a#b",
    "GET https://api.example/a b",
    "GET https://api.example/a*",
    "GET https://api.example/*a",
    "GET https://api.example/a/**/b",
    "GET https://api.example/**/",
    "GET https://api.example/a**",
    "GET https://api.example/***",
    "GET https://api.example/../a",
    "GET https://api.example/a/./b",
    "GET https://api.example/a/%2e%2e/b",
    "GET https://api.example/a%2fb",
    "GET https://api.example/a%252fb",
    "GET https://api.example/a\\b",
    "GET https://api.example/%00",
    "GET https://api.example/%",
    "GET https://api.example/é",
    "GET https://api.example/a\u2028",
  ])("%j", (entry) => {
    expect(readEndpoint(entry)).toBeUndefined();
  });
});

test.each([
  ["GET https://api.example:443/%7ea/**", "GET https://api.example/~a/**"],
  ["GET http://api.example:80/", "GET http://api.example/"],
  ["GET http://api.example:443/", "GET http://api.example:443/"],
  ["* https://*.api.example:*/%e2", "* https://*.api.example:*/%E2"],
])("%s has the canonical text %s", (entry, text) => {
  expect(readEndpoint(entry)?.text).toBe(text);
  expect(readEndpoint(text)?.text).toBe(text);
});
