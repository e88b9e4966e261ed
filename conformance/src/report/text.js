/** What was found, for a terminal: at most 80 columns. */
import { groupedBy, isBad, isJudged, isRight, KINDS, sentenceOf, titleOf } from "../results.js";

const WIDTH = 80;
const SHOWN = 20;
const cut = (text, width = WIDTH) => (text.length > width ? `${text.slice(0, width - 1)}…` : text);

/** Lines of at most 80 columns, the second and later ones indented. */
function wrapped(text, indent) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    const joined = line === "" ? word : `${line} ${word}`;
    if (joined.length + indent.length <= WIDTH) lines[lines.length - 1] = joined;
    else lines.push(word);
  }
  return lines.map((line) => cut(`${indent}${line}`));
}

const cell = (results) => {
  const judged = results.filter(isJudged);
  return judged.length === 0 ? "-" : `${judged.filter(isRight).length}/${judged.length}`;
};

/** A column for each implementation, as wide as 80 columns allow. */
function table(runs) {
  const groups = [...new Set(runs.flatMap(({ results }) => results.map(({ group }) => group)))];
  const width = Math.max(...groups.map(({ length }) => length)) + 1;
  const columns = Math.min(10, Math.floor((WIDTH - width) / runs.length));
  const row = (first, cells) =>
    cut(`${first.padEnd(width)}${cells.map((one) => one.padStart(columns)).join("")}`);
  return [
    row(
      "group",
      runs.map((_, at) => `[${at + 1}]`),
    ),
    ...groups.map((group) =>
      row(
        group,
        runs.map(({ results }) => cell(results.filter((one) => one.group === group))),
      ),
    ),
  ];
}

function troubles({ results }, number) {
  const bad = results.filter(isBad);
  const lines = bad
    .slice(0, SHOWN)
    .flatMap(({ id, result, why }) => [
      cut(`${number} ${id}`),
      ...wrapped(`${result}${why === undefined ? "" : `: ${why}`}`, "    "),
    ]);
  if (bad.length > SHOWN)
    lines.push(`${number} and ${bad.length - SHOWN} more; --json FILE has all of them`);
  return lines;
}

const known = ({ results }, number) =>
  [
    ...groupedBy(
      results.filter(({ result }) => result === "known"),
      ({ why }) => why,
    ),
  ].flatMap(([why, list]) =>
    wrapped(`${number} ${list.length} ${KINDS.known.means}: ${why}`, "    "),
  );

/** @param runs those of `run`, each with a `name`; a run with an `error` was not made */
export function text(runs) {
  const ran = runs.filter(({ error }) => error === undefined);
  const numbers = new Map(ran.map((one, at) => [one, `[${at + 1}]`]));
  const lines = [];
  for (const one of runs) {
    const number = numbers.get(one);
    if (number === undefined) lines.push(...wrapped(`${one.name}: not run: ${one.error}`, "    "));
    else lines.push(cut(`${number} ${titleOf(one)}`), ...wrapped(sentenceOf(one.results), "    "));
  }
  if (ran.length > 1) lines.push("", ...table(ran));
  const more = ran.flatMap((one) => [
    ...troubles(one, numbers.get(one)),
    ...known(one, numbers.get(one)),
  ]);
  if (more.length > 0) lines.push("", ...more);
  return `${lines.join("\n")}\n`;
}
