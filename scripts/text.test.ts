import { describe, expect, it } from "vitest";
import { anchorOf, deadLinks, vagueWords, wideComments } from "./text.ts";

const words = "word ".repeat(30).trim();

describe("the width of comments", () => {
  it.each([
    ["a line comment", `// ${words}`],
    ["a line inside a block", `/**\n * ${words}\n */`],
    ["a line of an example", `/**\n * @example\n * const x = ${words};\n */`],
    ["a block in one line", `/** ${words} */`],
  ])("%s over 100 columns is found", (_what, text) => {
    expect(wideComments(text)).toHaveLength(1);
  });

  it.each([
    ["code", `const text = "${words}";`],
    ["a word that cannot be broken", `// https://${"a".repeat(120)}.example/`],
    ["100 characters that are more bytes", `// ${"…".repeat(97)}`],
    ["a line after a block", `/* x */\nconst text = "${words}";`],
  ])("%s is not", (_what, text) => {
    expect(wideComments(text)).toEqual([]);
  });
});

describe("the links of a page", () => {
  const tree = new Map([
    ["README.md", "# Sigil"],
    ["docs/a.md", '# A\n\n## What it is, and `x`\n\n<a id="case-1"></a>'],
  ]);
  const dead = (page: string) =>
    deadLinks(
      "docs/page.md",
      page,
      (path) => tree.get(path),
      (path) => tree.has(path) || path === "docs",
    );

  it.each([
    "[a](a.md)",
    "[a](./a.md#what-it-is-and-x)",
    "[a](a.md#case-1)",
    "[up](../README.md)",
    "[folder](../docs)",
    "[site](https://other.example/x)",
    "```\n[code](nowhere.md)\n```",
    "`[code](nowhere.md)`",
    "# Here\n\n[here](#here)",
  ])("%s is alive", (page) => {
    tree.set("docs/page.md", page);
    expect(dead(page)).toEqual([]);
  });

  it.each([
    "[a](b.md)",
    "[a](a.md#nothing)",
    "[out](../../x.md)",
    '<img src="x.svg">',
    "[here](#there)",
  ])("%s is dead", (page) => {
    tree.set("docs/page.md", page);
    expect(dead(page)).toHaveLength(1);
  });

  it("an anchor is the heading in lower case, with hyphens and without punctuation", () => {
    expect(anchorOf("`l8nt/owner`: what's there")).toBe("l8ntowner-whats-there");
  });
});

it("a line that does not say who acts is found, in any case", () => {
  expect(vagueWords("The caller pays.\nWhoever calls, pays.\nPaid by whoever calls.")).toEqual([
    2, 3,
  ]);
});
