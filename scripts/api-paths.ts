/**
 * The paths of our own HTTP APIs are spelt in `wire/` alone. `node scripts/api-paths.ts` prints one
 * line for each other place that spells one, and exits 1.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ownerMetrics } from "../packages/l8nt/src/wire/owner.ts";
import { OWNER_PATH, WELL_KNOWN_PATH } from "../packages/l8nt/src/wire/paths.ts";
import { AGENT_MESSAGES, OWNER_MESSAGES } from "../packages/l8nt/src/wire/treasury.ts";

/** What a path of ours begins with, up to its first parameter. */
export const OWN_PATHS: readonly string[] = [
  ...new Set([
    WELL_KNOWN_PATH,
    `${OWNER_PATH}/`,
    ...[...AGENT_MESSAGES, ...OWNER_MESSAGES, ownerMetrics].map(({ path }) => path.split("{")[0]!),
  ]),
];

/** Any path of a version: in the library's own ends, a path that the table lacks is a fault too. */
const VERSIONED = /\/v[0-9]+\//;

const LIBRARY = "packages/l8nt/src/";
/** Where the paths are declared; contract suites and tests, which expect them spelt out. */
const EXEMPT = /^packages\/l8nt\/src\/(?:wire|testing)\/|\.test\.ts$|\/fixtures\/|^test\//;
/** Adapters of wallets speak APIs of other servers. */
const OTHERS_APIS = /^packages\/l8nt\/src\/wallets\//;

/**
 * The numbers of the lines that spell a path of ours in code.
 *
 * @param path the file's own, from the root of the repository
 */
export function spelledPaths(path: string, text: string): readonly number[] {
  if (EXEMPT.test(path)) return [];
  const isOwnEnd = path.startsWith(LIBRARY) && !OTHERS_APIS.test(path);
  const found: number[] = [];
  for (const [at, line] of codeOf(text).split("\n").entries()) {
    // A regular expression writes its slashes and dots with a backslash.
    const plain = line.replaceAll("\\", "");
    const isOurs = OWN_PATHS.some((own) => followedBy(plain, own));
    if (isOurs || (isOwnEnd && VERSIONED.test(plain))) found.push(at + 1);
  }
  return found;
}

/** Whether `line` has the path `own`, and not a longer word such as `/v1/treehouse`. */
function followedBy(line: string, own: string): boolean {
  for (let at = line.indexOf(own); at !== -1; at = line.indexOf(own, at + 1))
    if (own.endsWith("/") || !/[\w-]/.test(line.charAt(at + own.length))) return true;
  return false;
}

/** The text without its comments; its lines keep their numbers. */
function codeOf(text: string): string {
  const tokens =
    /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|\/\*[\s\S]*?\*\/|(?<![:\\/])\/\/[^\n]*/g;
  return text.replace(tokens, (token) =>
    token.startsWith("/") ? token.replace(/[^\n]/g, "") : token,
  );
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, "..");
  const listed = execFileSync(
    "git",
    ["ls-files", "-co", "--exclude-standard", "packages", "bench", "examples"],
    { cwd: root, encoding: "utf8" },
  );
  const paths = listed
    .split("\n")
    .filter((path) => path.endsWith(".ts") && existsSync(join(root, path)));
  const faults = paths.flatMap((path) =>
    spelledPaths(path, readFileSync(join(root, path), "utf8")).map(
      (line) => `${path}:${line}: spells an API path; declare the message in ${LIBRARY}wire/`,
    ),
  );
  for (const fault of faults) console.error(fault);
  console.log(`API paths: ${paths.length} files, ${faults.length} faults`);
  if (faults.length > 0) process.exitCode = 1;
}
