import { expect, test } from "vitest";
import { subpaths } from "./docs.ts";

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
