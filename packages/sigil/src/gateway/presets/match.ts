/** Which route of a preset a request is for. */
import type { Preset, PresetRoute } from "./preset.ts";

export interface RouteMatch {
  readonly route: PresetRoute;
  /** The route's capability, with the resource of the path in it. */
  readonly capability: string;
  /** What `{model}` stands for in the path. */
  readonly model: string | undefined;
}

/** Characters of a segment. An escape could be read in two ways, so no pattern matches one. */
const SEGMENT = "[A-Za-z0-9._~!$&'()+,;=:@-]";
/** What stands for characters of a path, one or more of each. */
export const PLACES = {
  "{model}": "[A-Za-z0-9._-]",
  "{resource}": "[a-z0-9_]",
  "*": SEGMENT,
  /** Any number of segments, also none, and the slash behind the last. */
  "**": SEGMENT,
} as const;

const SOURCES: Readonly<Record<string, string>> = {
  "{model}": `(?<model>${PLACES["{model}"]}+)`,
  "{resource}": `(?<resource>${PLACES["{resource}"]}+)`,
  "*": `${SEGMENT}+`,
  "**": `(?:${SEGMENT}+(?:/${SEGMENT}+)*/?)?`,
};

/** A pattern in texts that stand for themselves, and places. */
export const partsOf = (path: string): readonly string[] =>
  path.split(/(\{model\}|\{resource\}|\*\*|\*)/);

const patterns = new Map<string, RegExp>();

function patternOf(path: string): RegExp {
  let pattern = patterns.get(path);
  if (pattern === undefined) {
    const source = partsOf(path)
      .map((part) => SOURCES[part] ?? part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
      .join("");
    pattern = new RegExp(`^${source}$`);
    patterns.set(path, pattern);
  }
  return pattern;
}

/** The first route for a method and a path; undefined means that the request is denied. */
export function matchRoute(
  preset: Pick<Preset, "routes">,
  method: string,
  path: string,
): RouteMatch | undefined {
  for (const route of preset.routes) {
    if (route.method !== "*" && route.method !== method) continue;
    const match = patternOf(route.path).exec(path);
    if (match === null) continue;
    const { model, resource = "" } = match.groups ?? {};
    return { route, capability: route.capability.replace("{resource}", resource), model };
  }
  return undefined;
}
