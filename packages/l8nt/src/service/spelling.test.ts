/** Paths and the patterns of Fastify's router, which ignores case and slashes if told to. */
import { expect, test } from "vitest";
import { isSpelledAs } from "./spelling.ts";

test.each<[pattern: string, path: string, isSpelledSo: boolean]>([
  ["/", "/", true],
  ["/Gold", "/Gold", true],
  ["/Gold", "/gold", false],
  ["/Gold", "/Gold/", false],
  ["/Gold", "/%47old", true],
  ["/things/:id", "/things/dEAR", true],
  ["/things/:id", "/Things/dear", false],
  ["/things/:id", "/things/dear/", false],
  ["/things/:id(^[0-9]+$)/Detail", "/things/5/Detail", true],
  ["/things/:id(^[0-9]+$)/Detail", "/things/5/detail", false],
  ["/things/:id(^(?:a|b)/c$)/Detail", "/things/a/detail", false],
  ["/at/:hour(^[0-9]{2})h:minute(^[0-9]{2})m", "/at/12h30m", true],
  ["/v-:id", "/v-1", true],
  ["/v-:id", "/V-1", false],
  ["/things/:id?", "/things", true],
  ["/things/:id?", "/things/5", true],
  ["/things/:id?", "/THINGS", false],
  ["/things/:id?", "/things/5/", false],
  ["/files/*", "/files/a/B/", true],
  ["/files/*", "/Files/a", false],
  ["/files/a-*", "/files/A-b", false],
])("%s and %s: %s", (pattern, path, isSpelledSo) => {
  expect(isSpelledAs(pattern, path)).toBe(isSpelledSo);
});
