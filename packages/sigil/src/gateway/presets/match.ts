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
const SEGMENT = "[A-Za-z0-9._~!$&'()+,;=:@-]+";
const PLACES: Readonly<Record<string, string>> = {
  "{model}": "(?<model>[A-Za-z0-9._-]+)",
  "{resource}": "(?<resource>[a-z0-9_]+)",
  "**": `(?:${SEGMENT}(?:/${SEGMENT})*)?`,
  "*": SEGMENT,
};

const patterns = new Map<string, RegExp>();

function patternOf(path: string): RegExp {
  let pattern = patterns.get(path);
  if (pattern === undefined) {
    const source = path
      .split(/(\{model\}|\{resource\}|\*\*|\*)/)
      .map((part) => PLACES[part] ?? part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
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
