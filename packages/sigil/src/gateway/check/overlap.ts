/** Which paths a route covers, judged by paths that stand for all that a pattern allows. */
import { matchRoute } from "../presets/match.ts";
import type { Rule } from "../routes.ts";

const SAMPLES: Readonly<Record<string, string>> = {
  "{model}": "Sigil-9",
  "{resource}": "sigil_9",
  "*": "Sigil~9",
};

/** Paths that a pattern allows: with nothing, one segment and two in the place of `**`. */
function samplesOf(path: string): readonly string[] {
  const whole = path.replace(/\{model\}|\{resource\}|(?<!\*)\*(?!\*)/g, (part) => SAMPLES[part]!);
  if (!whole.endsWith("**")) return [whole];
  return ["", "Sigil~9", "Sigil~9/Sigil~9"].map((rest) => whole.slice(0, -2) + rest);
}

export type Pattern = Pick<Rule, "methods" | "path">;

export const coversPath = (wide: string, narrow: string): boolean =>
  samplesOf(narrow).every(
    (path) =>
      matchRoute(
        { routes: [{ method: "*", path: wide, capability: "", meter: "flat" }] },
        "GET",
        path,
      ) !== undefined,
  );

export const coversMethods = ({ methods: wide }: Pattern, { methods: narrow }: Pattern): boolean =>
  wide === undefined || narrow?.every((method) => wide.includes(method)) === true;

/** Whether every request of one route is one of the other too. */
export const covers = (wide: Pattern, narrow: Pattern): boolean =>
  coversMethods(wide, narrow) && coversPath(wide.path, narrow.path);
