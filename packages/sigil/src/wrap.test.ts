import { expect, test } from "vitest";
import { COMMON_FLAGS, helpOf } from "./command.ts";
import { COMMANDS, HELP } from "./commands/index.ts";
import { filled, wrapped } from "./wrap.ts";

test("no line is longer than the width, and no word is lost", () => {
  expect(wrapped("one two three four", 9)).toEqual(["one two", "three", "four"]);
});

test("a quoted text and a group in brackets are not broken", () => {
  expect(wrapped('a [--limit N] --budget "50 sat" b', 18)).toEqual([
    "a [--limit N]",
    '--budget "50 sat"',
    "b",
  ]);
});

test("a line break in the text counts as a blank", () => {
  expect(wrapped("one\ntwo", 80)).toEqual(["one two"]);
});

test.each(COMMANDS)("the help of $name fits a terminal of 80 columns", (command) => {
  const lines = helpOf(command).split("\n");
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  for (const name of Object.keys({ ...command.flags, ...COMMON_FLAGS }))
    expect(lines.filter((line) => line.includes(` --${name}`))).not.toEqual([]);
});

test("the program's help fits a terminal of 80 columns", () => {
  expect(HELP.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

test("a text is filled line by line, each part as far in as its line began", () => {
  const text = "sigil: denied\n  frozen: a treasury that is frozen\n";
  expect(filled(text, 20)).toBe("sigil: denied\n  frozen: a treasury\n  that is frozen\n");
});
