#!/usr/bin/env node
/** `l8nt-conformance [options] -- PROGRAM [ARGUMENTS]`. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { html } from "./report/html.js";
import { text } from "./report/text.js";
import { isSound } from "./results.js";
import { readCases, run } from "./run.js";

const USAGE = `l8nt-conformance [options] -- PROGRAM [ARGUMENTS]

Runs the cases against a program that speaks the protocol of README.md.

  --group NAME     only this group; may be repeated
  --timeout MS     how long one answer may take (10000)
  --json FILE      writes every result
  --html FILE      writes a page

Exits with 0 if nothing failed, 1 otherwise, 2 for a mistake in the arguments.
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
const all = readCases();
const groups = values.group ?? [...new Set(all.map(({ group }) => group))];
for (const name of groups)
  if (!all.some(({ group }) => group === name)) mistake(`there is no group "${name}"`);
const cases = all.filter(({ group }) => groups.includes(group));
const one = { name: positionals.join(" "), ...(await run(positionals, cases, { milliseconds })) };
process.stdout.write(text([one]));
if (values.json) writeFileSync(values.json, `${JSON.stringify(one, null, 1)}\n`);
if (values.html) writeFileSync(values.html, html([one], cases));
process.exitCode = isSound(one) ? 0 : 1;
