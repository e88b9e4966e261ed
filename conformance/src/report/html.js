/** What was found, as one page of HTML without scripts: a column for each implementation. */
import { FEATURES } from "../features.js";
import {
  counts,
  groupedBy,
  isBad,
  isJudged,
  isRight,
  KINDS,
  sentenceOf,
  titleOf,
} from "../results.js";
import { STYLE } from "./style.js";

const escaped = (value) =>
  String(value).replace(
    /[&<>"]/g,
    (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[one],
  );
/** Text with `code` in it. */
const inline = (value) => escaped(value).replace(/`([^`]+)`/g, "<code>$1</code>");
const each = (list, write) => [...list].map(write).join("");
const toneOf = (result) =>
  isBad({ result }) ? "bad" : ({ pass: "good", differs: "lax", known: "known" }[result] ?? "none");

/** A table that a narrow screen scrolls, also with the keyboard. */
const scrolled = (caption, rows) =>
  `<div class="wide" role="region" tabindex="0" aria-label="${escaped(caption)}"><table><caption><span>${escaped(caption)}</span></caption>${rows}</table></div>`;
const heads = (first, runs) =>
  `<thead><tr><th scope="col">${first}</th>${each(runs, ({ hello }) => `<th scope="col">${escaped(hello.name)}</th>`)}</tr></thead>`;

function sum(results) {
  const judged = results.filter(isJudged);
  if (judged.length === 0)
    return '<td class="none"><span aria-hidden="true">–</span><i>not supported</i></td>';
  const right = judged.filter(isRight).length;
  const bad = judged.some(isBad);
  const tone = bad ? "bad" : right < judged.length ? "known" : "good";
  const { differs, known } = counts(judged);
  const notes = [differs > 0 && `${differs} differ`, known > 0 && `${known} wrong`].filter(Boolean);
  const note = notes.length === 0 ? "" : `<small>${notes.join(", ")}</small>`;
  return `<td class="${tone}">${right}<span class="of">/${judged.length}</span>${note}</td>`;
}

const groupTable = (runs, groups) =>
  scrolled(
    "Cases that came out right, of those that an implementation supports",
    `${heads("Group", runs)}<tbody>${each(
      groups,
      ([group]) =>
        `<tr><th scope="row"><a href="#${escaped(group)}">${escaped(group)}</a></th>${each(runs, ({ results }) => sum(results.filter((one) => one.group === group)))}</tr>`,
    )}</tbody><tfoot><tr><th scope="row">All</th>${each(runs, ({ results }) => sum(results))}</tr></tfoot>`,
  );

const verdict = ({ result, why }) => {
  const { mark } = KINDS[result];
  const hint = why === undefined || result === "unsupported" ? "" : ` title="${escaped(why)}"`;
  return `<td class="${toneOf(result)}"${hint}><b aria-hidden="true">${mark}</b><i>${result}</i></td>`;
};

/** Every case of a group, with what each implementation made of it. */
function caseTable(group, cases, runs) {
  const results = runs.map((one) => new Map(one.results.map((result) => [result.id, result])));
  const rows = each(cases, ({ id, title, form, spec }) => {
    const where = `page ${spec.page.split("-")[0]} §${spec.section}`;
    return `<tr><th scope="row">${escaped(title)} <span class="form">${form}</span><details><summary>${where}</summary><q>${inline(spec.sentence)}</q></details></th>${each(results, (byId) => verdict(byId.get(id)))}</tr>`;
  });
  return `<section id="${escaped(group)}"><details><summary><h3>${escaped(group)}</h3> ${cases.length} cases</summary>${scrolled(`Cases of ${group}`, `${heads("Case", runs)}<tbody>${rows}</tbody>`)}</details></section>`;
}

const ids = (list) =>
  `<details><summary>${list.length === 1 ? "1 case" : `${list.length} cases`}</summary><ul class="ids">${each(list, ({ id }) => `<li><code>${escaped(id)}</code></li>`)}</ul></details>`;
const reasons = (title, tone, grouped, write) =>
  grouped.size === 0
    ? ""
    : `<h4 class="${tone}">${title}</h4><ul>${each(grouped, ([why, list]) => `<li>${write(why)}${ids(list)}</li>`)}</ul>`;

/** Why an implementation differs, fails, or does not support. */
function section(one, byId) {
  const { hello, results } = one;
  const of = (test) => results.filter(test);
  const allowed = groupedBy(
    of(({ result }) => result === "differs"),
    ({ id }) => byId.get(id).mayDiffer.sentence,
  );
  const lacking = groupedBy(
    of(({ result }) => result === "unsupported"),
    ({ why }) => why,
  );
  const faults = groupedBy(
    of(({ result }) => result === "known"),
    ({ why }) => why,
  );
  const failed = groupedBy(of(isBad), ({ result, why }) => `${result}: ${why}`);
  const pageOf = (sentence) =>
    Object.values(byId.size > 0 ? [...byId.values()] : []).find(
      ({ mayDiffer }) => mayDiffer?.sentence === sentence,
    ).mayDiffer;
  const codes = hello.codes
    ? ""
    : " Its refusals have no codes, so its verdicts alone are compared.";
  return `<section><h3>${escaped(titleOf(one))}</h3><p>${escaped(sentenceOf(results))}. It reads: ${escaped(hello.forms.join(", "))}.${codes}</p>${reasons("Fails", "bad", failed, escaped)}${reasons("Known faults", "known", faults, inline)}${reasons(
    "Differs as the specification allows",
    "lax",
    allowed,
    (sentence) => {
      const { page, section } = pageOf(sentence);
      return `<q>${inline(sentence)}</q> <small>page ${page.split("-")[0]} §${section}</small>`;
    },
  )}${reasons("Does not support", "none", lacking, (why) =>
    FEATURES[why] === undefined ? escaped(why) : `<b>${escaped(why)}</b>: ${inline(FEATURES[why])}`,
  )}</section>`;
}

const LEGEND = `<dl class="legend">${each(
  Object.entries(KINDS).filter(
    ([kind]) => !["crash", "timeout", "garbage", "other form"].includes(kind),
  ),
  ([kind, { mark, is }]) =>
    `<div><dt class="${toneOf(kind)}">${mark}</dt><dd>${escaped(is)}</dd></div>`,
)}</dl>`;

/**
 * @param runs those of `run`, each with a `name`; a run with an `error` was not made
 * @param cases those that were run
 */
export function html(runs, cases) {
  const byId = new Map(cases.map((one) => [one.id, one]));
  const groups = groupedBy(cases, ({ group }) => group);
  const ran = runs.filter(({ error }) => error === undefined);
  const missing = runs.filter(({ error }) => error !== undefined);
  const notRun =
    missing.length === 0
      ? ""
      : `<h2>Not run</h2><ul>${each(missing, ({ name, error }) => `<li><b>${escaped(name)}</b>: ${escaped(error)}</li>`)}</ul>`;
  const body =
    ran.length === 0
      ? ""
      : `${groupTable(ran, groups)}${LEGEND}<h2>Why</h2>${each(ran, (one) => section(one, byId))}<h2>Every case</h2>${each(groups, ([group, list]) => caseTable(group, list, ran))}`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Conformance to Sigil</title><style>${STYLE}</style><body><main><h1>Conformance to Sigil</h1><p>${cases.length} cases, each from a sentence of the specification. An implementation is asked for what it says that it supports.</p>${notRun}${body}</main></body></html>\n`;
}
