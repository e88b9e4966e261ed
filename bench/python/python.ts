/**
 * The Python package beside other Python libraries, in CPU time of one Python process, all in turn
 * in one run. The service, the treasury and the network are in the process of the bench.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { devTown } from "l8nt/testing";
import { Environment } from "../../scripts/python/environment.ts";
import { mainInterpreter } from "../../scripts/python/interpreters.ts";
import { buildPackage } from "../../scripts/python/wheel.ts";
import { atLeast, atMost, type Figure, type Measured, median, plain } from "../figure.ts";

const root = resolve(import.meta.dirname, "../..");
const ROUNDS = 9;
const CALLS = 100;
const APPENDS = 2000;

type Progress = (text: string) => void;
type Ask = (question: object) => Promise<number>;

/** Figures of the Python package; none, with a message, without Python or the other libraries. */
export async function python(progress: Progress): Promise<Measured> {
  const interpreter = mainInterpreter();
  if (typeof interpreter === "string") return notRun(progress, interpreter);
  const lock = join(import.meta.dirname, "rivals.txt");
  const environment = Environment.make(join(root, ".cache/python"), interpreter, lock);
  if (environment === undefined) return notRun(progress, "the packages cannot be installed");
  const folder = mkdtempSync(join(tmpdir(), "sigil-bench-"));
  try {
    const { wheel } = buildPackage(root, environment, folder);
    if (!environment.installWheel(wheel)) return notRun(progress, "the wheel cannot be installed");
    const size = atMost("Python: the wheel", statSync(wheel).size, "bytes", 150_000, "none");
    return [size, ...(await timed(environment.python, progress))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function notRun(progress: Progress, why: string): Measured {
  progress(`*** NOT RUN: bench python: ${why} ***`);
  return [];
}

async function timed(interpreter: string, progress: Progress): Promise<readonly Figure[]> {
  await using town = await devTown({
    price: "10 sat",
    grants: { validFor: "1h", endpoints: ["GET /**"] },
  });
  const child = spawn(interpreter, [join(import.meta.dirname, "times.py")], {
    env: { PATH: process.env.PATH, SIGIL_CREDENTIAL: town.mint({ budget: "1000 sat" }).toString() },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask: Ask = async (question) => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error("times.py ended");
    const answer = JSON.parse(value) as { readonly value?: number; readonly error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value ?? 0;
  };
  const wallet = town.network.account("rivals", { balanceMsat: 1_000_000_000n }).url;
  await ask({ do: "town", url: `${town.shop.url}/forecast`, wallet });
  try {
    return [
      ...(await attenuation(ask, progress)),
      ...(await calls(ask, progress, () => town.network.payments().length)),
      ...(await imports(ask, progress)),
    ];
  } finally {
    child.stdin.end();
  }
}

/** The values of several questions, which take turns. */
async function inTurn<Name extends string>(
  names: readonly Name[],
  ask: (name: Name) => Promise<number>,
): Promise<Readonly<Record<Name, readonly number[]>>> {
  const found = {} as Record<Name, number[]>;
  for (const name of names) found[name] = [];
  for (let round = 0; round < ROUNDS; round++)
    for (const name of names) found[name].push(await ask(name));
  return found;
}

/** The ratio of each round, and the middle of them: other work slows both. */
const ratio = (ours: readonly number[], theirs: readonly number[]): number =>
  median(ours.map((value, at) => value / theirs[at]!));

async function attenuation(ask: Ask, progress: Progress): Promise<readonly Figure[]> {
  progress("python: attenuation …");
  const names = [
    "attenuate",
    "pymacaroons",
    "attenuate_text",
    "pymacaroons_text",
    "delegate",
  ] as const;
  const times = await inTurn(names, (name) =>
    ask({ do: "attenuate", name, count: name.startsWith("py") ? APPENDS / 4 : APPENDS }),
  );
  return [
    atMost("Python: attenuation", Math.min(...times.attenuate), "µs", 15, "none"),
    plain("Python: delegate with an agent and a price", Math.min(...times.delegate), "µs", "none"),
    atLeast(
      "Python: attenuation",
      ratio(times.pymacaroons, times.attenuate),
      "×",
      1,
      "copy and add_first_party_caveat of pymacaroons, by how much it is faster",
    ),
    plain(
      "Python: attenuation with the text of the result",
      ratio(times.pymacaroons_text, times.attenuate_text),
      "×",
      "the same of pymacaroons and serialize, by how much it is faster",
    ),
  ];
}

async function calls(
  ask: Ask,
  progress: Progress,
  payments: () => number,
): Promise<readonly Figure[]> {
  progress("python: calls with a credential that is held …");
  const names = ["l8nt", "httpx2", "l402-requests", "httpx"] as const;
  for (const name of names) await ask({ do: "get", name, count: CALLS });
  const times = await inTurn(names, (name) => ask({ do: "get", name, count: CALLS }));
  const figures: Figure[] = [
    atMost(
      "Python: client.get with a held credential",
      ratio(times.l8nt, times.httpx2),
      "×",
      1.1,
      "the same call of httpx2 with the credential in a header",
    ),
    plain("Python: the same call of httpx2", median(times.httpx2), "µs", "none"),
    plain(
      "Python: L402Client.get of l402-requests with a held credential",
      ratio(times["l402-requests"], times.httpx),
      "×",
      "the same call of httpx, on which it is built",
    ),
  ];
  progress("python: routeweiler …");
  try {
    const before = payments();
    const turns = ["routeweiler", "httpx"] as const;
    const routed = await inTurn(turns, (name) => ask({ do: "get-async", name, count: 20 }));
    const bought = payments() - before - ROUNDS;
    figures.push(
      plain(
        "Python: Routeweiler.get of a service with a pass",
        ratio(routed.routeweiler, routed.httpx),
        "×",
        `the same call of httpx.AsyncClient; it paid ${bought} times for ${ROUNDS * 21} calls`,
      ),
    );
  } catch (error) {
    progress(`routeweiler could not call: ${(error as Error).message}`);
  }
  return figures;
}

async function imports(ask: Ask, progress: Progress): Promise<readonly Figure[]> {
  progress("python: imports …");
  const load = (code: string) => ask({ do: "import", code });
  return [
    atMost("Python: import l8nt", await load("import l8nt"), "ms", 150, "none"),
    plain("Python: from l8nt import Client", await load("from l8nt import Client"), "ms", "none"),
    plain("Python: import httpx2", await load("import httpx2"), "ms", "none"),
  ];
}
