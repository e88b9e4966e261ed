/**
 * The canary: no test, log line or error message may ever show a whole credential, that is, a
 * macaroon together with its preimage. The suite's output is searched for one, and a find fails the
 * run. Credentials of tests are worth nothing, but the code that printed them prints real ones as
 * well.
 */

export interface Leak {
  /** 1-based. */
  readonly line: number;
  /** The test file named last before the leak, where there is one. */
  readonly file?: string;
}

// The shortest macaroon of ours (66 bytes of identifier) is longer than this; file paths and hashes
// are shorter.
const shortestMacaroon = 80;
// The preimage is looked for first and the macaroon backwards from it: a greedy pattern takes
// quadratic time on long runs.
const preimage = /(?::|%3a)[0-9a-f]{64}(?![0-9a-f])/gi;
const macaroonEnd = /[A-Za-z0-9+/_-]$/;
const ansi = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, "g");
const testFileName = /[\w@./-]+$/;

/** Where credentials are in one line: index and length of each. */
function credentialsIn(line: string): { index: number; length: number }[] {
  const found: { index: number; length: number }[] = [];
  for (const match of line.matchAll(preimage)) {
    const padding =
      /(?:=|%3d){0,2}$/i.exec(line.slice(Math.max(0, match.index - 6), match.index))?.[0].length ??
      0;
    let start = match.index - padding;
    const end = start;
    while (start > 0 && macaroonEnd.test(line[start - 1]!)) start--;
    if (end - start >= shortestMacaroon)
      found.push({ index: start, length: match.index + match[0].length - start });
  }
  return found;
}

function testFileIn(line: string): string | undefined {
  const end = line.indexOf(".test.ts");
  // Backwards from the suffix, for the same reason; no path is longer than this.
  return end < 0
    ? undefined
    : `${testFileName.exec(line.slice(Math.max(0, end - 300), end))?.[0] ?? ""}.test.ts`;
}

const plain = (text: string): string => text.replace(ansi, "");

/** Every line of a log that shows a credential. What it shows is not repeated. */
export function findLeaks(log: string): Leak[] {
  const leaks: Leak[] = [];
  let file: string | undefined;
  for (const [index, raw] of log.split("\n").entries()) {
    const line = plain(raw);
    file = testFileIn(line) ?? file;
    if (credentialsIn(line).length > 0)
      leaks.push({ line: index + 1, ...(file === undefined ? {} : { file }) });
  }
  return leaks;
}

/** The line with every credential blotted out, colours and all. */
export function redact(raw: string): string {
  const line = plain(raw);
  const found = credentialsIn(line);
  if (found.length === 0) return raw;
  let shown = line;
  for (const { index, length } of found.reverse())
    shown = `${shown.slice(0, index)}[credential]${shown.slice(index + length)}`;
  return shown;
}
