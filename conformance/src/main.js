#!/usr/bin/env node
/** `l8nt-conformance [options] -- PROGRAM [ARGUMENTS]`. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { html } from "./report/html.js";
import { text } from "./report/text.js";
import { isRight, isSound } from "./results.js";
import { readCases, run } from "./run.js";

const all = readCases();
const known = [...new Set(all.map(({ group }) => group))];
const USAGE = `l8nt-conformance [options] -- PROGRAM [ARGUMENTS]

Runs the cases against a program that speaks the protocol of README.md.

  --group NAME     only this group; may be repeated:
                   ${known.slice(0, 6).join(", ")},
                   ${known.slice(6, 12).join(", ")},
                   ${known.slice(12).join(", ")}
  --timeout MS     how long one answer may take (10000)
  --json FILE      writes every result
  --html FILE      writes a page

Exits with 0 if something passed and nothing failed, 1 otherwise, 2 for a mistake in the arguments.
`;

const options = {
  group: { type: "string", multiple: true },
  timeout: { type: "string" },
  json: { type: "string" },
  html: { type: "string" },
  help: { type: "boolean" },
};

function mistake(message) {
  console.error(`l8nt-conformance: ${message}\n\n${USAGE}`);
  process.exit(2);
}

function given() {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    return mistake(error.message);
  }
}
const { values, positionals } = given();
if (values.help) {
  process.stdout.write(USAGE);
  process.exit();
}
if (positionals.length === 0) mistake("name the program that is tested, behind --");
const milliseconds = Number(values.timeout ?? 10_000);
if (!Number.isInteger(milliseconds) || milliseconds < 1)
  mistake("--timeout is a number of milliseconds");
const groups = values.group ?? known;
for (const name of groups) if (!known.includes(name)) mistake(`there is no group "${name}"`);
const cases = all.filter(({ group }) => groups.includes(group));
const one = { name: positionals.join(" "), ...(await run(positionals, cases, { milliseconds })) };
process.stdout.write(text([one]));
if (values.json) writeFileSync(values.json, `${JSON.stringify(one, null, 1)}\n`);
if (values.html) writeFileSync(values.html, html([one], cases));
const hasPassed = one.results.some(isRight);
if (one.error === undefined && isSound(one) && !hasPassed)
  console.error("l8nt-conformance: nothing passed; does its hello name its forms and features?");
process.exitCode = isSound(one) && hasPassed ? 0 : 1;
