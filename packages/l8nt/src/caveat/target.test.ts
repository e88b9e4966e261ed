/**
 * Targets of requests, and the spellings that are refused because other software may read them
 * differently.
 */
import { describe, expect, test } from "vitest";
import { formatOrigin, readOrigin, readPath, sameOrigin, targetAt, targetOfUrl } from "./target.ts";

const origin = readOrigin("https://api.example")!;
const at = (path: string, method = "GET") => targetAt(method, origin, path);

describe("paths that have one reading", () => {
  test.each([
    ["/", "/"],
    ["/a/b", "/a/b"],
    ["/a//b/", "/a//b/"],
    ["//a", "//a"],
    ["/.well-known/l402", "/.well-known/l402"],
    ["/...", "/..."],
    ["/a..b/..c/d..", "/a..b/..c/d.."],
    ["/a;v=1/b", "/a;v=1/b"],
    ["/@scope/name:tag,x!$&'()*+", "/@scope/name:tag,x!$&'()*+"],
    ["/%E2%82%AC", "/%E2%82%AC"],
    ["/100%25", "/100%25"],
    ["/100%2525", "/100%2525"],
    ["/100%252525", "/100%252525"],
    ["/a%252541", "/a%252541"],
    ["/a%20b", "/a%20b"],
  ])("%s", (path, read) => {
    expect(at(path)?.path).toBe(read);
  });

  test.each([
    ["/%41%7a%30%2D%5f%7E", "/Az0-_~"],
    ["/%e2%82%ac", "/%E2%82%AC"],
    ["/a%3ab", "/a%3Ab"],
    ["/file%2ejson", "/file.json"],
    ["/%2a", "/%2A"],
  ])(
    "%s is read as %s: only triplets of unreserved characters are decoded [case 32]",
    (written, read) => {
      expect(at(written)?.path).toBe(read);
      expect(at(read)?.path).toBe(read);
    },
  );

  test("the path is case-sensitive [case 32]", () => {
    expect(at("/API")?.path).toBe("/API");
    expect(at("/api")?.path).toBe("/api");
  });

  test.each([
    ["/a?b=1", "/a"],
    ["/a?", "/a"],
    ["/a?b=/../c", "/a"],
    ["/a?b=%2e%2e%2f", "/a"],
    ["/a#b", "/a"],
    ["/a?b#c?d", "/a"],
    ["/a#?b", "/a"],
    ["/a?b=1&b=2;c=3%26d", "/a"],
  ])("%s is read without its query and fragment [case 37]", (raw, read) => {
    expect(at(raw)?.path).toBe(read);
  });
});

describe("paths that a proxy, a framework or a file system might read differently [case 30]", () => {
  test.each([
    "",
    "*",
    "a",
    "https://evil.example/a",
    "api.example:443",
    "/.",
    "/..",
    "/a/.",
    "/a/..",
    "/./a",
    "/../a",
    "/allowed/../admin",
    "/allowed/%2e%2e/admin",
    "/allowed/%2E%2E/admin",
    "/allowed/.%2e/admin",
    "/allowed/%2e./admin",
    "/allowed/%2e",
    "/allowed/%2e/",
    "/allowed/..%2fadmin",
    "/allowed/..%2Fadmin",
    "/allowed%2f..%2fadmin",
    "/allowed%2fadmin",
    "/allowed/%252e%252e/admin",
    "/allowed/%252e%252e%252fadmin",
    "/allowed/%25252e%25252e/admin",
    "/allowed/%25%32%65%25%32%65/admin",
    "/allowed/%25%32%66admin",
    "/allowed/%252fadmin",
    "/allowed/%25252fadmin",
    // Encoded more than three times.
    "/100%25252525",
    "/a%2525252541",
    `/${"%25".repeat(5)}252525`,
    "/allowed\\admin",
    "/allowed/..\\admin",
    "/allowed%5cadmin",
    "/allowed%5Cadmin",
    "/allowed%255cadmin",
    "/allowed/..;/admin",
    "/allowed/..;jsessionid=1/admin",
    "/allowed/.;/admin",
    "/allowed/..%3b/admin",
    "/allowed/..%3bx=1/admin",
    "/allowed/..%253b/admin",
    "/allowed/%2e%2e;/admin",
    "/allowed/..;",
    "/allowed%00",
    "/allowed%00/../admin",
    "/allowed%2500",
    "/allowed\0",
    "/allowed%0a",
    "/allowed%0d%0aX:1",
    "/allowed%09",
    "/allowed%7f",
    "/allowed\t/admin",
    "/allowed\n/admin",
    "/allowed\r\n",
    "/allowed /admin",
    "/allowed/%c0%ae%c0%ae/admin",
    "/allowed/%c0%ae%c0%ae%c0%afadmin",
    "/allowed/..%c0%afadmin",
    "/allowed/..%c1%9cadmin",
    "/allowed/..%e0%80%afadmin",
    "/allowed/%e0%80%ae%e0%80%ae/admin",
    "/allowed/..%f0%80%80%afadmin",
    "/allowed/..%25c0%25afadmin",
    "/a%",
    "/a%2",
    "/a%zz",
    "/a%u002e",
    "/a%2%65",
    "/é",
    "/\uFF0E\uFF0E/admin",
    "/\u2025/admin",
    '/a"b',
    "/a<b>",
    "/a{b}",
    "/a`b",
    "/[..]/..|/../x",
    "/a|%2f",
    "/\uD800",
  ])("%j", (path) => {
    expect(at(path)).toBeUndefined();
  });
});

describe("long targets", () => {
  const url = (length: number) => new URL(`https://api.example/${"a".repeat(length - 1)}`);

  test("8,192 characters are read, with the query, and one more is refused", () => {
    for (const target of [`/${"a".repeat(8191)}`, `/a?${"b=%25".repeat(1637)}b=11`]) {
      expect(target).toHaveLength(8192);
      expect(at(target)).toBeDefined();
      expect(at(`${target}x`)).toBeUndefined();
    }
    expect(targetOfUrl("GET", url(8192))).toBeDefined();
    expect(targetOfUrl("GET", url(8193))).toBeUndefined();
    expect(targetOfUrl("GET", new URL(`https://api.example/?${"q".repeat(8191)}`))).toBeUndefined();
  });
});

describe("methods [case 38]", () => {
  test.each(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "M-SEARCH"])(
    "%s is a method",
    (method) => {
      expect(at("/a", method)?.method).toBe(method);
    },
  );

  test.each([
    "",
    "get",
    "Get",
    "GET ",
    " GET",
    "GET\n",
    "G ET",
    "GET,POST",
    "GET|POST",
    "*",
    "CONNECT",
    "TRACE",
    "TRACK",
    "GET\0",
    "ＧＥＴ",
    "1GET",
    "-GET",
    "A".repeat(33),
  ])("%j is refused", (method) => {
    expect(at("/a", method)).toBeUndefined();
  });
});

describe("origins [cases 32, 33, 35]", () => {
  test.each([
    ["https://api.example", { scheme: "https", host: "api.example", port: 443 }],
    ["https://api.example:443/x", { scheme: "https", host: "api.example", port: 443 }],
    ["https://api.example:80", { scheme: "https", host: "api.example", port: 80 }],
    ["http://api.example", { scheme: "http", host: "api.example", port: 80 }],
    ["http://api.example:443", { scheme: "http", host: "api.example", port: 443 }],
    ["https://API.Example:08080", { scheme: "https", host: "api.example", port: 8080 }],
    ["https://bücher.example", { scheme: "https", host: "xn--bcher-kva.example", port: 443 }],
    ["https://[::1]:8443", { scheme: "https", host: "[::1]", port: 8443 }],
    ["https://[0:0:0:0:0:0:0:1]", { scheme: "https", host: "[::1]", port: 443 }],
    ["http://127.1", { scheme: "http", host: "127.0.0.1", port: 80 }],
    ["http://0x7f000001", { scheme: "http", host: "127.0.0.1", port: 80 }],
    ["https://api.example.evil", { scheme: "https", host: "api.example.evil", port: 443 }],
  ])("%s", (url, read) => {
    expect(readOrigin(url)).toEqual(read);
    expect(readOrigin(new URL(url))).toEqual(read);
  });

  test.each([
    "",
    "api.example",
    "//api.example",
    "ftp://api.example",
    "ws://api.example",
    "wss://api.example",
    "file:///etc/passwd",
    "data:text/plain,x",
    "javascript:0",
    "blob:https://api.example/x",
    "https://api.example.",
    "https://api.example.:443",
    "https://api.example@evil.example",
    "https://user:secret@api.example",
    "https://:secret@api.example",
    "https://api.example:65536",
    "https://",
    "https://api example",
    "https://api.example%00.evil",
  ])("%j does not have an origin", (url) => {
    expect(readOrigin(url)).toBeUndefined();
  });

  test("two origins are the same only if scheme, host and port are", () => {
    const origins = [
      "https://a.example",
      "http://a.example",
      "https://a.example:80",
      "http://a.example:443",
      "https://b.example",
    ];
    for (const [i, a] of origins.entries())
      for (const [j, b] of origins.entries())
        expect(sameOrigin(readOrigin(a)!, readOrigin(b)!)).toBe(i === j);
  });

  test.each([
    "https://a.example",
    "http://a.example",
    "https://a.example:80",
    "http://a.example:443",
    "https://[::1]:8443",
  ])("%s is written as it was read", (text) => {
    expect(formatOrigin(readOrigin(text)!)).toBe(text);
    expect(formatOrigin(readOrigin(text)!)).toBe(new URL(text).origin);
  });
});

describe("a request as a client sends it", () => {
  test("the path that `URL` resolved is judged, because it is sent", () => {
    const url = new URL("https://API.example/allowed/%2e%2e/admin\\x?q#f");
    expect(url.pathname).toBe("/admin/x");
    expect(targetOfUrl("GET", url)?.path).toBe("/admin/x");
    expect(targetOfUrl("GET", url)?.origin).toEqual(origin);
  });

  test.each(["https://api.example/a%2fb", "https://u@api.example/a", "ftp://api.example/a"])(
    "%s is refused",
    (url) => {
      expect(targetOfUrl("GET", new URL(url))).toBeUndefined();
    },
  );
});

test("readPath is idempotent on what it accepts", () => {
  for (const path of ["/%41", "/a%3ab", "/a;b", "/%25", "/%E2%82%AC"]) {
    const once = readPath(path)!;
    expect(readPath(once)).toBe(once);
  }
});

test.each([
  ["/a|b", "/a%7Cb"],
  ["/chunks/[id]/page.js", "/chunks/%5Bid%5D/page.js"],
  ["/a^b", "/a%5Eb"],
  ["/a;v=1", "/a;v=1"],
  ["/[[...slug]]", "/%5B%5B...slug%5D%5D"],
])("%s, as URL leaves it, is the path %s", (raw, path) => {
  expect(at(raw)?.path).toBe(path);
  expect(at(path)?.path).toBe(path);
  expect(targetOfUrl("GET", new URL(`https://api.example${raw}`))?.path).toBe(path);
});
