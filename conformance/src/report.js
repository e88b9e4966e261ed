/** What was found, for a terminal and as one page of HTML. */
import { counts } from "./run.js";

const SHOWN = 20;
const cut = (text, width) => (text.length > width ? `${text.slice(0, width - 1)}…` : text);

/** At most 80 columns. */
export function text(runs) {
  const lines = [];
  for (const { name, error, hello, results } of runs) {
    const title = hello === undefined ? name : `${hello.name} ${hello.version}`;
    if (error !== undefined) {
      lines.push(cut(`${title}: not run: ${error}`, 80));
      continue;
    }
    const { pass, differs, unsupported } = counts(results);
    const bad = results.filter(
      ({ result }) => !["pass", "differs", "unsupported"].includes(result),
    );
    lines.push(cut(title, 80));
    lines.push(
      `  ${pass} passed, ${bad.length} failed, ${differs} differ as allowed, ${unsupported} not supported`,
    );
    for (const { id, result, why } of bad.slice(0, SHOWN)) {
      lines.push(cut(`  ${id}`, 80));
      lines.push(cut(`    ${result}${why === undefined ? "" : `: ${why}`}`, 80));
    }
    if (bad.length > SHOWN)
      lines.push(`  and ${bad.length - SHOWN} more; --json FILE has all of them`);
  }
  return `${lines.join("\n")}\n`;
}

const escaped = (value) =>
  String(value).replace(
    /[&<>"]/g,
    (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[one],
  );

const STYLE = `:root{color-scheme:light dark;--line:#8884;--bad:#b3261e;--good:#18703a}
@media(prefers-color-scheme:dark){:root{--bad:#ff9a90;--good:#7bd79a}}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}
table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid var(--line);padding:.3rem .4rem;text-align:right}
th:first-child,td:first-child{text-align:left}.wide{overflow-x:auto}.bad{color:var(--bad)}.good{color:var(--good)}
code{overflow-wrap:anywhere}q{display:block;margin:.2rem 0;overflow-wrap:anywhere}li{margin:.6rem 0}`;

/** One file, without scripts. @param cases those that were run, for the sentences of failed ones */
export function html(runs, cases) {
  const byId = new Map(cases.map((one) => [one.id, one]));
  const groups = [...new Set(cases.map(({ group }) => group))];
  const ran = runs.filter(({ error }) => error === undefined);
  const cell = (list) => {
    const { pass, differs, unsupported } = counts(list);
    const judged = list.length - unsupported;
    if (judged === 0) return "<td>–</td>";
    const kind = pass + differs === judged ? "good" : "bad";
    return `<td class="${kind}">${pass + differs}/${judged}</td>`;
  };
  const table = `<div class="wide"><table><tr><th>Group</th>${ran.map(({ hello }) => `<th>${escaped(hello.name)}</th>`).join("")}</tr>${groups
    .map(
      (group) =>
        `<tr><td>${escaped(group)}</td>${ran.map(({ results }) => cell(results.filter((one) => one.group === group))).join("")}</tr>`,
    )
    .join("")}</table></div>`;
  const details = runs
    .map(({ name, error, hello, results }) => {
      if (error !== undefined) return `<h2>${escaped(name)}</h2><p>Not run: ${escaped(error)}</p>`;
      const total = counts(results);
      const found = results.filter(({ result }) => !["pass", "unsupported"].includes(result));
      const items = found.map(({ id, result, why }) => {
        const { spec, mayDiffer } = byId.get(id);
        const quoted = result === "differs" ? mayDiffer : spec;
        return `<li><code>${escaped(id)}</code>: <b class="${result === "differs" ? "" : "bad"}">${escaped(result)}</b>, ${escaped(why)}<q cite="${escaped(quoted.page)}">${escaped(quoted.sentence)}</q></li>`;
      });
      return `<h2>${escaped(hello.name)} ${escaped(hello.version)}</h2><p>${total.pass} passed, ${total.fail + total.crash + total.timeout + total.garbage} failed, ${total.differs} differ as the specification allows, ${total.unsupported} not supported.</p>${items.length === 0 ? "" : `<details><summary>What differs</summary><ul>${items.join("")}</ul></details>`}`;
    })
    .join("");
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Conformance</title><style>${STYLE}</style><h1>Conformance</h1><p>${cases.length} cases. A cell says how many of those that an implementation supports came out as the specification says.</p>${table}${details}</html>\n`;
}
