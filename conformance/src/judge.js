/** Whether an answer is what a case expects. */

/** Undefined if it is, and otherwise what is wrong. */
export function wrong(expected, answer, { codes }) {
  if (answer.ok !== expected.ok) return `expected ${shown(expected)}, got ${shown(answer)}`;
  for (const [name, value] of Object.entries(expected)) {
    // An implementation without codes is judged by its verdicts alone.
    if (name === "ok" || (name === "code" && !codes)) continue;
    const isRight =
      name === "code" && Array.isArray(value)
        ? value.includes(answer.code)
        : isEqual(value, answer[name]);
    if (!isRight)
      return name === "code"
        ? `expected ${shown(expected)}, got ${shown(answer)}`
        : `another ${name} than expected`;
  }
  return undefined;
}

const shown = ({ ok, code }) =>
  ok === true ? "yes" : ok === false ? `no${code ? `, ${code}` : ""}` : "no verdict";

/** Members that the expected value does not name may have any value. */
function isEqual(expected, actual) {
  if (typeof expected !== "object" || expected === null) return expected === actual;
  if (typeof actual !== "object" || actual === null) return false;
  if (Array.isArray(expected))
    return (
      Array.isArray(actual) &&
      expected.length === actual.length &&
      expected.every((value, at) => isEqual(value, actual[at]))
    );
  return Object.entries(expected).every(([name, value]) => isEqual(value, actual[name]));
}
