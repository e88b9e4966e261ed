import { expect, test } from "vitest";
import { pathPatternOf } from "./path-pattern.ts";

/** The paths of routers, by the documentation of Express 4 and 5, Fastify and Hono. */
test.each<[methods: string, path: unknown, expected: string | undefined]>([
  ["GET", "/", "GET /"],
  ["GET", "/a/b", "GET /a/b"],
  ["GET", "/a/", "GET /a/"],
  ["GET", "/a/:id", "GET /a/*"],
  ["GET", "/:a/x/:b", "GET /*/x/*"],
  ["GET", "/*", "GET /**"],
  ["GET", "/a/*", "GET /a/**"],
  ["GET", "/a/*splat", "GET /a/**"],
  ["GET", "/*/a", "GET /*/a"],
  ["GET", "/a%20b", "GET /a%20b"],
  ["*", "/a", "* /a"],
  ["GET POST", "/a", "GET|POST /a"],
  ["GET *", "/a", "* /a"],
  ["GET HEAD", "/a", "GET /a"],
  ["HEAD", "/a", "HEAD /a"],
  ["M-SEARCH", "/a", "M-SEARCH /a"],
  ["GET", "/a/:id?", undefined],
  ["GET", "/a/:id{[0-9]+}", undefined],
  ["GET", "/a/:id(\\d+)", undefined],
  ["GET", "/a/:id.json", undefined],
  ["GET", "/a/v:id", undefined],
  ["GET", "/a/:from-:to", undefined],
  ["GET", '/a/:"id"', undefined],
  ["GET", "/a{/:id}", undefined],
  ["GET", "/a+", undefined],
  ["GET", "/a*", undefined],
  ["GET", "/(a|b)", undefined],
  ["GET", "/a b", undefined],
  ["GET", "/a;b", undefined],
  ["GET", "/a?b", undefined],
  ["GET", "/a/../b", undefined],
  ["GET", "a", undefined],
  ["GET", "", undefined],
  ["GET", /^\/a/, undefined],
  ["GET", ["/a", "/b"], undefined],
  ["GET", undefined, undefined],
])("%s %s is %s", (methods, path, expected) => {
  expect(pathPatternOf(methods.split(" "), path)).toBe(expected);
});
