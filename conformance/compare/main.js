/**
 * `npm run conformance`: the cases against every implementation that this machine has the tools for.
 * Ends with one line, `N passed, N failed`. What is not run is said, and is no failure.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { html } from "../src/report/html.js";
import { text } from "../src/report/text.js";
import { isBad, isRight } from "../src/results.js";
import { readCases, run } from "../src/run.js";
import { IMPLEMENTATIONS } from "./implementations.js";
import { withKnown } from "./known.js";

const USAGE = `npm run conformance -- [options]

  --only NAME      only this implementation; may be repeated
  --output FOLDER  where report.html, report.json and report.txt are written
                   (.cache/conformance)
`;
const root = join(import.meta.dirname, "../..");

function given() {
  try {
    const options = { only: { type: "string", multiple: true }, output: { type: "string" } };
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`conformance: ${error.message}\n\n${USAGE}`);
    return process.exit(2);
  }
}
const names = IMPLEMENTATIONS.map(({ name }) => name);
const { only = names, output = join(root, ".cache/conformance") } = given();
const unknown = only.find((name) => !names.includes(name));
if (unknown !== undefined) {
  console.error(`conformance: no implementation "${unknown}"; there are ${names.join(", ")}`);
  process.exit(2);
}

const say = (message) => console.error(`conformance: ${message}`);
const cases = readCases();

/** The command, or why there is none: in CI a build that fails is an error. */
async function commandOf({ missing, prepare }) {
  const why = missing();
  if (why !== undefined) return { why };
  try {
    return { command: await prepare(say) };
  } catch (error) {
    return { why: error.message, isBroken: process.env.CI !== undefined };
  }
}

async function runOf(implementation, { command, why, isBroken }) {
  const { name } = implementation;
  if (command === undefined) return { name, error: why, isBroken, results: [] };
  const { error, hello, results } = await run(command, cases);
  return error === undefined
    ? { name, hello, results: withKnown(name, results) }
    : { name, error, isBroken: true, results: [] };
}

const asked = IMPLEMENTATIONS.filter(({ name }) => only.includes(name));
// What is built takes longest: the others are run meanwhile, one after the other.
const commands = asked.map((one) => commandOf(one));
const runs = [];
for (const [at, one] of asked.entries()) {
  if (commands[at] === undefined) continue;
  runs.push(await runOf(one, await commands[at]));
}

mkdirSync(output, { recursive: true });
const file = (name) => join(output, name);
writeFileSync(file("report.html"), html(runs, cases));
writeFileSync(file("report.json"), `${JSON.stringify(runs, null, 1)}\n`);
writeFileSync(file("report.txt"), text(runs));
process.stdout.write(text(runs));
console.log(`\n${relative(process.cwd(), file("report.html"))}`);
for (const { name, error, isBroken } of runs)
  if (error !== undefined && !isBroken) console.log(`*** NOT RUN: ${name}; ${error} ***`);
const results = runs.flatMap((one) => one.results);
const failed = results.filter(isBad).length + runs.filter(({ isBroken }) => isBroken).length;
console.log(`\n${results.filter(isRight).length} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
