/** Law: a route is said to be unreached if, and only if, the matcher gives it no request. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PRESETS } from "../presets/index.ts";
import { Routes, type Rule } from "../routes.ts";
import { coversPath, pathBeside } from "./overlap.ts";
import { type Pattern, unreached, warningsOf } from "./unreached.ts";

const PRESET = PRESETS.get("generic")!;
const METHODS: readonly string[] = ["GET", "POST", "PUT"];
/** The last stands for every method that no route names. */
const ASKED = [...METHODS, "PATCH"];

const segment = fc.oneof(
  fc.constantFrom("a", "b", "A", "~", "*", "*", "{model}", "{resource}"),
  fc.constantFrom("a*", "*a", "a*b", "*a*", "x{model}", "{resource}:b"),
);
const path = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom("", "/", "/**", "/**"))
  .map(([segments, end]) => segments.map((one) => `/${one}`).join("") + end || "/")
  .filter((text) => text.split("{model}").length < 3 && text.split("{resource}").length < 3);
const rule = fc.record({
  methods: fc.option(fc.subarray([...METHODS], { minLength: 1 }), { nil: undefined }),
  path,
});

const routesOf = (patterns: readonly Pattern[]): Routes =>
  new Routes(PRESET, {
    rules: patterns.map(
      (pattern): Rule => ({
        ...pattern,
        ...{ access: "free", price: "free", capability: undefined, isKeyed: false },
        freePerDay: undefined,
      }),
    ),
  });

/** Paths of a pattern, and such as are nearly so. */
const asked = fc
  .array(fc.constantFrom("a", "b", "A", "~", "ab", "xa", "a:b", "aa", "A.", ""), { maxLength: 4 })
  .map((segments) => `/${segments.join("/")}`);

const RUNS = { numRuns: Number(process.env.SIGIL_LAW_RUNS ?? 1000) };

test("for random lists of routes and requests", () => {
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 1, maxLength: 4 }),
      fc.array(asked, { maxLength: 20 }),
      (patterns, paths) => {
        const routes = routesOf(patterns);
        const found = new Map(unreached(patterns).map((one) => [one.index, one]));
        for (const [index, { path: own }] of patterns.entries()) {
          const one = found.get(index);
          const lost = new Set(one && one.methods === undefined ? ASKED : one?.methods);
          // A path that no earlier route takes with that method, if there is one.
          const isReached = ASKED.some((method) => {
            const earlier = patterns
              .slice(0, index)
              .filter((other) => other.methods?.includes(method) !== false);
            const free = pathBeside(
              earlier.map((other) => other.path),
              own,
            );
            return free !== undefined && routes.find(method, free)?.index === index;
          });
          expect(isReached).toBe(one === undefined || one.methods !== undefined);
          for (const method of lost)
            for (const some of paths) expect(routes.find(method, some)?.index).not.toBe(index);
        }
      },
    ),
    RUNS,
  );
});

test("a path beside others is one that the matcher gives to the pattern alone", () => {
  fc.assert(
    fc.property(fc.array(path, { maxLength: 3 }), path, fc.array(asked), (wide, own, paths) => {
      const routes = routesOf([...wide, own].map((text) => ({ methods: undefined, path: text })));
      const found = pathBeside(wide, own);
      if (found !== undefined) expect(routes.find("GET", found)?.index).toBe(wide.length);
      else for (const some of paths) expect(routes.find("GET", some)?.index).not.toBe(wide.length);
    }),
    RUNS,
  );
});

describe("what is told", () => {
  test.each<readonly [routes: readonly string[], warning: string | undefined]>([
    [["GET|POST /**", "GET /v1/a"], "GET /v1/a is never reached: GET|POST /** stands before it."],
    [["* /**", "* /v1/**"], "* /v1/** is never reached: * /** stands before it."],
    [["GET|POST /**", "* /v1/**"], "* /v1/** is never reached by GET or POST: GET|POST /** stands"],
    [
      ["GET /**", "POST /v1/**", "GET|POST /v1/a"],
      "GET|POST /v1/a is never reached: GET /** and POST /v1/** stand before it.",
    ],
    [["GET /a/*", "GET /a/{model}"], "GET /a/{model} is never reached: GET /a/* stands before it."],
    [["GET /a/{model}", "GET /a/*"], undefined],
    // What a sample path of a pattern would mistake for the pattern.
    [["GET /S*", "GET /*"], undefined],
    [["GET /*9", "GET /*"], undefined],
    [["GET /a/", "GET /a/*", "GET /a/*/**", "GET /a/**"], "GET /a/** is never reached: "],
    // Usual: the special one first.
    [["GET /v1/**", "* /v1/**"], undefined],
    [["GET|POST /v1/a", "* /v1/a"], undefined],
    [["GET /v1/a", "* /**"], undefined],
  ])("%j", (texts, warning) => {
    const patterns = texts.map((text): Pattern => {
      const [methods = "", own = ""] = text.split(" ");
      return { methods: methods === "*" ? undefined : methods.split("|"), path: own };
    });
    const warnings = warningsOf(patterns).map((text) => `${text}.`);
    if (warning === undefined) expect(warnings).toEqual([]);
    else expect(warnings).toEqual([expect.stringContaining(warning.replace(/\.$/, ""))]);
  });

  test("every pattern covers itself, and ** every path", () => {
    fc.assert(
      fc.property(path, (own) => coversPath(own, own) && coversPath("/**", own)),
      RUNS,
    );
  });
});
