/**
 * Laws of covering: a covered caveat gains nothing, and a caveat that gains something is reported.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { coversEndpoint, matchesEndpoint, readEndpoint } from "./endpoint.ts";
import { targetOfUrl } from "./target.ts";
import { widenings } from "./wider.ts";

const runs = { numRuns: Number(process.env.SIGIL_LAW_RUNS ?? 50_000) };

const parts = {
  scheme: fc.constantFrom("https", "https", "http"),
  host: fc.constantFrom("a.example", "b.a.example", "xa.example"),
  port: fc.constantFrom("", ":8080"),
  path: fc.array(fc.constantFrom("a", "b", ""), { minLength: 1, maxLength: 3 }),
};
const asked = fc.record({ method: fc.constantFrom("GET", "HEAD", "POST"), ...parts });
type Asked = typeof asked extends fc.Arbitrary<infer Value> ? Value : never;

/**
 * A part unchanged, three times in four; otherwise the law's premise would hardly ever hold.
 */
const mostly = <Value>(same: Value, ...others: Value[]) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(same) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );

/** Patterns near a request: each part unchanged, wider, or different. */
const near = ({ method, scheme, host, port, path }: Asked) =>
  fc
    .record({
      methods: mostly(method, "*", `GET|${method}`, "POST"),
      scheme: mostly(scheme, "http"),
      host: mostly(host, "*", "*.a.example", "*.example", "a.example"),
      port: mostly(port, ":*"),
      stars: fc.array(mostly(false, true), { minLength: 3, maxLength: 3 }),
      open: mostly(0, 1, 2, 3),
    })
    .map(({ methods, scheme: wanted, host: name, port: at, stars, open }) => {
      const segments = path.map((segment, index) => (stars[index] === true ? "*" : segment));
      const written = open === 0 ? segments : [...segments.slice(0, open), "**"];
      return readEndpoint(`${methods} ${wanted}://${name}${at}/${written.join("/")}`);
    })
    .filter((read) => read !== undefined);

test("a covering pattern matches whatever the covered one matches", () => {
  let bound = 0;
  const cases = asked.chain((one) => fc.tuple(fc.constant(one), near(one), near(one)));
  fc.assert(
    fc.property(cases, ([{ method, scheme, host, port, path }, outer, inner]) => {
      const target = targetOfUrl(method, new URL(`${scheme}://${host}${port}/${path.join("/")}`))!;
      const isBound = coversEndpoint(outer!, inner!) && matchesEndpoint(inner!, target);
      if (isBound) bound++;
      return !isBound || matchesEndpoint(outer!, target);
    }),
    runs,
  );
  expect(bound, "the premise held often enough to mean something").toBeGreaterThan(
    runs.numRuns / 100,
  );
});

test("every pattern covers itself", () => {
  fc.assert(fc.property(asked.chain(near), (one) => coversEndpoint(one!, one!)));
});

test.each([
  ["GET https://a.example/**", "GET https://a.example/x/*", true],
  ["GET https://a.example/x/*", "GET https://a.example/**", false],
  ["GET https://a.example/x/**", "GET https://a.example/x", false],
  ["* https://a.example/**", "POST https://a.example/x", true],
  ["GET https://a.example/**", "HEAD https://a.example/x", true],
  ["GET https://a.example/**", "* https://a.example/x", false],
  ["GET https://*.a.example/**", "GET https://*.b.a.example/**", true],
  ["GET https://*.a.example/**", "GET https://a.example/**", false],
  ["GET https://*.a.example/**", "GET https://*/**", false],
  ["GET https://a.example:*/**", "GET https://a.example/**", true],
  ["GET https://a.example/**", "GET https://a.example:*/**", false],
  ["GET http://a.example/**", "GET https://a.example/**", false],
  ["GET https://a.example/*", "GET https://a.example/", false],
])("%s covers %s: %s", (outer, inner, expected) => {
  expect(coversEndpoint(readEndpoint(outer)!, readEndpoint(inner)!)).toBe(expected);
});

const own = (texts: readonly string[]) =>
  texts.map((text) => {
    const [condition, value] = text.split("=") as [string, string];
    return { condition, value, node: undefined as never };
  });

test.each([
  [["budget_msat=1000"], ["budget_msat=1000"], []],
  [["budget_msat=1000"], ["budget_msat=1001"], ["budget_msat"]],
  [["budget_msat=5000", "budget_msat=1000"], ["budget_msat=2000"], ["budget_msat"]],
  [["budget_usd_micro=1000"], ["budget_usd_micro=1000"], []],
  [["budget_usd_micro=1000"], ["budget_usd_micro=1001"], ["budget_usd_micro"]],
  [["budget_usd_micro_per_day=5"], ["budget_usd_micro_per_day=6"], ["budget_usd_micro_per_day"]],
  [
    ["budget_msat=5", "budget_usd_micro=9"],
    ["budget_usd_micro=9", "budget_msat=6"],
    ["budget_msat"],
  ],
  [["budget_msat=5"], ["budget_usd_micro=9000"], []],
  [
    ["max_price_usd_micro=10"],
    ["max_price_usd_micro=11", "max_price_msat=99"],
    ["max_price_usd_micro"],
  ],
  [["max_uses=10"], ["max_uses=9", "max_uses_per_hour=100"], []],
  [["max_price_msat=10"], ["max_price_msat=11"], ["max_price_msat"]],
  [["valid_until=100"], ["valid_until=200"], []],
  [["endpoints=GET https://a.example/**"], ["endpoints="], []],
  [["endpoints="], ["endpoints=GET https://a.example/x"], ["endpoints"]],
  [["services=a:0,b:0"], ["services=a:0"], []],
  [["a_capabilities=x,y"], ["a_capabilities=x,z"], ["a_capabilities"]],
  [["model=gpt-5*,o4"], ["model=gpt-5.4,o4"], []],
  [["model=gpt-5*"], ["model=gpt-*", "model=*"], ["model", "model"]],
  [["model=gpt-5"], ["model=gpt-5*"], ["model"]],
  [["payees=02aa"], ["payees=02aa,03bb"], ["payees"]],
  [[], ["budget_msat=1"], []],
  [["budget_msat=much"], ["budget_msat=1"], ["budget_msat"]],
  [["max_depth=1"], ["max_depth=2"], ["max_depth"]],
  [["max_depth=2"], ["max_depth=1"], []],
])("%j, asked to be %j: wider in %j", (held, wanted, wider) => {
  expect(widenings(own(held), wanted).map(({ condition }) => condition)).toEqual(wider);
});
