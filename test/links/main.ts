/**
 * Runs the table of broken links and prints it as a matrix: a line for each row and mode, a group
 * for what the service did, a sign for who asks again.
 */
import { writeFileSync } from "node:fs";
import { optionsOf } from "../../scripts/options.ts";
import {
  AGAIN,
  CELLS,
  type Cell,
  cellName,
  covering,
  impossible,
  MODES,
  ROWS,
  rowName,
  SERVED,
} from "./cells.ts";
import { LAWS, type Law } from "./judge.ts";
import { KNOWN } from "./known.ts";
import { openGround, runCell, type Verdict } from "./run.ts";

const USAGE = `npm run links -- [--row TEXT] [--mode MODE] [--served TEXT] [--again TEXT] [--cover]
  [--at N] [--wrong FILE] [--verbose]

Runs the table of broken links, and prints it as a matrix.

  --row TEXT      only rows whose name contains the text
  --mode MODE     one of: ${MODES.join(", ")}
  --served TEXT   one of: ${SERVED.join(" / ")}
  --again TEXT    one of: ${AGAIN.join(", ")}
  --cover         only a selection that covers each pair
  --at N          how many cells run at a time (default: 6)
  --wrong FILE    write what is wrong to this file
  --verbose       tell what happened in each cell`;

const values = optionsOf(USAGE, {
  row: { type: "string" },
  mode: { type: "string" },
  served: { type: "string" },
  again: { type: "string" },
  cover: { type: "boolean", default: false },
  at: { type: "string", default: "6" },
  wrong: { type: "string" },
  verbose: { type: "boolean", default: false },
});

const isWanted = ({ row, mode, served, again }: Cell): boolean =>
  (values.row === undefined || rowName(row).includes(values.row)) &&
  (values.mode === undefined || mode === values.mode) &&
  (values.served === undefined || served === values.served) &&
  (values.again === undefined || again === values.again);

const chosen = (values.cover ? covering(CELLS) : CELLS).filter(isWanted);
const began = performance.now();
const verdicts = new Map<string, Verdict>();
await using ground = await openGround();
const left = [...chosen];
await Promise.all(
  Array.from({ length: Number(values.at) }, async () => {
    for (let cell = left.shift(); cell !== undefined; cell = left.shift()) {
      const verdict = await runCell(cell, ground);
      verdicts.set(cellName(cell), verdict);
      if (verdict.wrong.length > 0 || values.verbose) report(verdict);
      if (verdicts.size % 100 === 0) console.error(`${verdicts.size} of ${chosen.length} cells`);
    }
  }),
);

function report({ cell, wrong, story }: Verdict): void {
  console.error(`${wrong.length > 0 ? "WRONG" : "holds"} ${cellName(cell)}`);
  for (const { law, what } of wrong) console.error(`  ${law} ${what}`);
  if (!values.verbose || story === undefined) return;
  console.error(`  first: ${JSON.stringify(story.first)}`);
  console.error(`  second (${story.secondAt}): ${JSON.stringify(story.second)}`);
  for (const { seq, what, paymentHash } of story.events)
    console.error(`  ${seq} ${what} ${paymentHash?.slice(0, 8)}`);
  for (const [hash, seq] of story.paidAt) console.error(`  ${seq} paid ${hash.slice(0, 8)}`);
  for (const what of story.alarms) console.error(`  ALARM ${what}`);
}

/** `.` holds, a letter is the first law that is broken, a space cannot exist, `-` was not run. */
function sign(cell: Cell): string {
  const verdict = verdicts.get(cellName(cell));
  if (verdict !== undefined) return verdict.wrong[0]?.law ?? ".";
  return impossible(cell) === undefined ? "-" : " ";
}

const width = Math.max(...ROWS.map((row) => rowName(row).length));
console.log(`${" ".repeat(width)}  ${MODES.map((mode) => mode.padEnd(17)).join("")}`);
for (const row of ROWS) {
  const groups = MODES.map((mode) =>
    SERVED.map((served) => AGAIN.map((again) => sign({ row, mode, served, again })).join("")).join(
      " ",
    ),
  );
  console.log(`${rowName(row).padEnd(width)}  ${groups.map((one) => one.padEnd(17)).join("")}`);
}
console.log(
  `groups: ${SERVED.join(" / ")}; signs: ${AGAIN.join(", ")}; ". holds", "- not run", blank: cannot exist (cells.ts says why)`,
);
for (const [law, text] of Object.entries(LAWS)) {
  const count = [...verdicts.values()].filter(({ wrong }) =>
    wrong.some((one) => one.law === (law as Law)),
  ).length;
  if (count > 0) console.log(`${law} ${count}: ${text}`);
}
const wrong = [...verdicts.values()].filter((one) => one.wrong.length > 0);
for (const { cell } of wrong) {
  const known = KNOWN[cellName(cell)];
  if (known !== undefined) console.log(`known: ${cellName(cell)}: ${known.why}`);
}
console.log(
  `${verdicts.size} cells in ${((performance.now() - began) / 1000).toFixed(0)} s, ${wrong.length} wrong`,
);
if (values.wrong !== undefined)
  writeFileSync(
    values.wrong,
    [
      `# ${wrong.length} of ${verdicts.size} cells were wrong`,
      "",
      ...wrong
        .toSorted((a, b) => cellName(a.cell).localeCompare(cellName(b.cell)))
        .flatMap(({ cell, wrong: whats }) => [
          `- ${cellName(cell)}`,
          ...whats.map(({ law, what }) => `  - ${law}: ${what}`),
        ]),
      "",
    ].join("\n"),
  );
process.exitCode = wrong.length > 0 ? 1 : 0;
