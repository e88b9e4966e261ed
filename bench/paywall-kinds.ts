/** What the two benches of the paywall ask for, and what each may add to its bare route. */
import { atMost, type Figure, plain } from "./figure.ts";

export type Framework = "hono" | "fastify" | "express" | "node";

/** Each kind: where it is asked for, the bare route beside it, and whether every use is counted. */
const KINDS = {
  bareNode: ["node", "/bare"],
  node: ["node", "/paid", "bareNode"],
  nodeCounted: ["node", "/paid", "bareNode", "counted"],
  bareFastify: ["fastify", "/bare"],
  fastify: ["fastify", "/paid", "bareFastify"],
  bareExpress: ["express", "/bare"],
  express: ["express", "/paid", "bareExpress"],
  expressNoOp: ["express", "/no-op", "bareExpress"],
  bareHono: ["hono", "/bare"],
  hono: ["hono", "/around", "bareHono"],
  honoMiddleware: ["hono", "/paid", "bareHono"],
  honoNoOp: ["hono", "/no-op", "bareHono"],
  honoCounted: ["hono", "/around", "bareHono", "counted"],
} as const satisfies Record<string, readonly [Framework, string, string?, "counted"?]>;
export type Kind = keyof typeof KINDS;
export const NAMES = Object.keys(KINDS) as Kind[];

export interface Asked {
  readonly framework: Framework;
  readonly path: string;
  readonly isCounted: boolean;
}

export function askedBy(kind: Kind): Asked {
  const [framework, path, , counted] = KINDS[kind] as readonly [Framework, string, Kind?, string?];
  return { framework, path, isCounted: counted !== undefined };
}

/** CPU microseconds a request of each kind, one for each round. */
export type Rounds = Readonly<Record<Kind, number[]>>;

export const noRounds = (): Rounds =>
  Object.fromEntries(NAMES.map((kind) => [kind, [] as number[]])) as unknown as Rounds;

/** The least of the rounds, which take turns: whatever else the machine does only adds to it. */
export const leastOf = (rounds: Rounds, kind: Kind): number => Math.min(...rounds[kind]);

/** @param where begins the name of each figure */
export function addedFigures(rounds: Rounds, where: string): readonly Figure[] {
  const least = (kind: Kind): number => leastOf(rounds, kind);
  const added = (kind: Kind): number => least(kind) - least(KINDS[kind][2] as unknown as Kind);
  const adds = (kind: Kind, name: string, most: number): Figure =>
    atMost(`${where}, CPU a request: ${name}`, added(kind), "µs", most, "its bare route");
  return [
    adds("node", "node:http", 2),
    adds("fastify", "Fastify", 2),
    adds("hono", "Hono, around the handler", 2),
    adds("honoMiddleware", "Hono, middleware", 4),
    adds("express", "Express, middleware", 4),
    adds("honoCounted", "Hono, every use counted in memory", 8),
    adds("nodeCounted", "node:http, every use counted in memory", 8),
    plain(`${where}: a Hono middleware that does nothing`, added("honoNoOp"), "µs", "bare"),
    plain(`${where}: an Express middleware that does nothing`, added("expressNoOp"), "µs", "bare"),
    ...NAMES.map((kind) => plain(`${where}: a request of ${kind}`, least(kind), "µs", "-")),
  ];
}
