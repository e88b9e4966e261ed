import { expect, test } from "vitest";
import { subpaths, withTabs } from "./docs.ts";

test("each subpath with TypeScript has an API page; the root is called l8nt", () => {
  const manifest = JSON.stringify({
    exports: {
      ".": { "l8nt-source": "./src/index.ts", default: "./dist/index.js" },
      "./stores/sqlite": { "l8nt-source": "./src/stores/sqlite.ts" },
      "./package.json": "./package.json",
    },
  });
  expect([...subpaths(manifest)]).toEqual([
    ["l8nt", "./src/index.ts"],
    ["stores/sqlite", "./src/stores/sqlite.ts"],
  ]);
});

test("a block of TypeScript and the block of Python right after it stand in two tabs", () => {
  const typescript = "```ts\nawait client.get(url);\n```";
  const python = "```python\nclient.get(url)\n```";
  expect(withTabs(`One.\n\n${typescript}\n\n${python}\n\nTwo.\n`)).toBe(
    "One.\n\n::: code-group\n```ts [TypeScript]\nawait client.get(url);\n```\n```python [Python]\nclient.get(url)\n```\n:::\n\nTwo.\n",
  );
});

test.each([
  ["two blocks with a sentence between them", "```ts\na\n```\n\nOr:\n\n```python\nb\n```\n"],
  ["two blocks of TypeScript", "```ts\na\n```\n\n```ts\nb\n```\n"],
  ["a file of a tutorial", "```js a.mjs\na\n```\n\n```python a.py\nb\n```\n"],
])("%s are left as they are", (_, page) => {
  expect(withTabs(page)).toBe(page);
});
