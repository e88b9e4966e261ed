/** Path classes: which segments stay, and which are identifiers. spec/6-receipts.md §2. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { pathClass } from "./path-class.ts";

test.each([
  ["/", "/"],
  ["/forecast", "/forecast"],
  ["/v1/places/paris-2/today.json", "/v1/places/paris-2/today.json"],
  ["/users/1042", "/users/*"],
  ["/on/2029-01-31/at/48.85", "/on/*/at/*"],
  ["/orders/123e4567-e89b-12d3-a456-426614174000/lines", "/orders/*/lines"],
  ["/blobs/DEADBEEF", "/blobs/*"],
  ["/blobs/deadbee", "/blobs/deadbee"],
  [`/t/${"x".repeat(32)}`, `/t/${"x".repeat(32)}`],
  [`/t/${"x".repeat(33)}`, "/t/*"],
  ["/mail/ann@example.com", "/mail/*"],
  ["/name/J%C3%BCrgen", "/name/*"],
  ["/name/Jürgen", "/name/*"],
  ["/a;session=x/*", "/*/*"],
  ["/trailing//", "/trailing//"],
  ["/search?name=ann", "/search"],
  ["/search#ann", "/search"],
  [`/${"a/".repeat(15)}a`, `/${"a/".repeat(15)}a`],
  [`/${"a/".repeat(16)}a`, `/${"a/".repeat(15)}a/**`],
])("%s is of class %s", (path, expected) => {
  expect(pathClass(path)).toBe(expected);
});

const paths = fc
  .array(fc.oneof(fc.webPath(), fc.uuid(), fc.integer().map(String), fc.string({ unit: "binary" })))
  .map((parts) => `/${parts.join("/")}`);

test("a class is its own class, begins with a slash and is short", () => {
  fc.assert(
    fc.property(paths, (path) => {
      const found = pathClass(path);
      expect(found).toMatch(/^\/[A-Za-z0-9._~/*-]*$/);
      expect(found.length).toBeLessThanOrEqual(16 * 33 + 3);
      expect(pathClass(found.replace("/**", ""))).toBe(found.replace("/**", ""));
    }),
  );
});

test("paths that differ in a number, a UUID or a query have one class", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.nat(),
      fc.uuid(),
      fc.uuid(),
      fc.webQueryParameters(),
      (a, b, c, d, query) => {
        expect(pathClass(`/x/${a}/y/${c}`)).toBe(pathClass(`/x/${b}/y/${d}?${query}`));
      },
    ),
  );
});
