/** Kills treasuries at named points and at random times, in concurrent worlds. */
import { mkdtempSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { build } from "esbuild";
import { type Kill, openWorld, POINTS } from "./world.ts";

export interface CrashReport {
  readonly kills: number;
  readonly starts: number;
  readonly purchases: number;
  readonly payments: number;
  /** Empty if everything that was acknowledged still holds. */
  readonly wrong: readonly string[];
}

export interface CrashOptions {
  readonly kills: number;
  readonly seed: number;
  readonly worlds?: number;
  readonly progress?: (text: string) => void;
}

const ROOT = resolve(import.meta.dirname, "../..");

export async function crash({
  kills,
  seed,
  worlds = 2,
  progress = () => {},
}: CrashOptions): Promise<CrashReport> {
  const folder = mkdtempSync(resolve(ROOT, "node_modules/.crash-"));
  try {
    const victim = await bundled(resolve(folder, "victim.mjs"));
    const plan = planOf(kills, seed);
    let done = 0;
    const reports = await Promise.all(
      Array.from({ length: worlds }, async (_, at) => {
        const world = await openWorld(victim);
        try {
          const mine = plan.filter((__, index) => index % worlds === at);
          const wrong: string[] = [];
          for (const [index, kill] of mine.entries()) {
            await world.live(kill);
            if (++done % 10 === 0) progress(`${done} of ${kills} kills`);
            // Not only at the end, because a later start may repair a fault.
            if (index % 25 === 24) wrong.push(...(await world.compare()));
          }
          wrong.push(...(await world.compare()));
          return { ...world.summary(), wrong };
        } finally {
          await world.end();
        }
      }),
    );
    const sum = (member: "starts" | "purchases" | "payments") =>
      reports.reduce((total, report) => total + report[member], 0);
    return {
      kills,
      starts: sum("starts"),
      purchases: sum("purchases"),
      payments: sum("payments"),
      wrong: reports.flatMap(({ wrong }) => wrong),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every named point in turn, and every third kill at a random time. */
function planOf(kills: number, seed: number): readonly Kill[] {
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const first = below(POINTS.length);
  return Array.from({ length: kills }, (_, index) =>
    index % 3 === 2
      ? { nth: 1 + below(40) }
      : { point: POINTS[(first + index) % POINTS.length], nth: 1 + below(5) },
  );
}

/** Bundles the victim, which then starts in a third of the time. */
async function bundled(outfile: string): Promise<string> {
  await build({
    entryPoints: [resolve(import.meta.dirname, "victim.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["l8nt-source"],
    external: ["@opentelemetry/api"],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: "error",
  });
  return outfile;
}
