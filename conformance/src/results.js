/** The kinds of results, and what a report counts and groups. */

/** In the order of a report. */
export const KINDS = {
  pass: { mark: "✓", means: "passed", is: "as the case expects" },
  differs: {
    mark: "≈",
    means: "differ as allowed",
    is: "otherwise, in a way that the specification allows",
  },
  known: {
    mark: "!",
    means: "with a known fault",
    is: "wrong, and the fault is known to be the implementation's",
  },
  fail: { mark: "✗", means: "failed", is: "not as the case expects" },
  crash: { mark: "✗", means: "crashed", is: "the program ended" },
  timeout: { mark: "✗", means: "gave no answer in time", is: "no answer in time" },
  garbage: { mark: "✗", means: "answered garbage", is: "something else than one answer" },
  unsupported: {
    mark: "–",
    means: "not supported",
    is: "the implementation says that it does not do this",
  },
  "other form": {
    mark: "",
    means: "of another form",
    is: "the implementation does not read this form",
  },
};
const NOT_JUDGED = ["unsupported", "other form"];
const SOUND = ["pass", "differs", "known", ...NOT_JUDGED];

export const isBad = ({ result }) => !SOUND.includes(result);
export const isJudged = ({ result }) => !NOT_JUDGED.includes(result);
export const isRight = ({ result }) => result === "pass" || result === "differs";

/** How many results there are of each kind. */
export const counts = (results) =>
  Object.fromEntries(
    Object.keys(KINDS).map((kind) => [
      kind,
      results.filter(({ result }) => result === kind).length,
    ]),
  );

/** Whether nothing is wrong. */
export const isSound = ({ error, results }) => error === undefined && !results.some(isBad);

/** `251 passed, 70 differ as allowed`: what there is of each kind. */
export const sentenceOf = (results) =>
  Object.entries(counts(results))
    .filter(([kind, count]) => count > 0 || kind === "pass")
    .map(([kind, count]) => `${count} ${KINDS[kind].means}`)
    .join(", ");

/** What an implementation is called in a report. */
export const titleOf = ({ name, hello }) =>
  hello === undefined ? name : `${hello.name} ${hello.version}`;

/** The list by what `key` gives, in the order in which each first stands. */
export function groupedBy(list, key) {
  const groups = new Map();
  for (const one of list) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  return groups;
}
