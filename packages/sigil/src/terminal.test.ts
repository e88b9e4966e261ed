import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { UsageError } from "./exit.ts";
import { Terminal } from "./terminal.ts";

const MESSAGE =
  "The wallet cannot be used: nothing listens there; it is not running, or the port is another one.";

function failing(terminal: object): string {
  const stderr = Object.assign(new PassThrough(), terminal);
  const idle = { env: {}, signals: { on: () => {} }, json: false };
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr };
  new Terminal({ ...idle, ...streams }).fail(new UsageError(MESSAGE));
  return String(stderr.read());
}

test.each([
  [80, { isTTY: true, columns: 80 }],
  [40, { isTTY: true, columns: 40 }],
  [80, { isTTY: true }],
])("an error fits a terminal of %i columns, and no word is cut", (columns, terminal) => {
  const text = failing(terminal);
  expect(text.split("\n").filter((line) => line.length > columns)).toEqual([]);
  expect(text.trimEnd().split("\n").join(" ")).toBe(`sigil: ${MESSAGE}`);
});

test("an error that goes to a file is one line", () => {
  expect(failing({})).toBe(`sigil: ${MESSAGE}\n`);
});
