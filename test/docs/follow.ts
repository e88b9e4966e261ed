/** Follows one page: `node test/docs/follow.ts docs/tutorials/PAGE.md`. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { follow } from "./reader.ts";

const [page] = process.argv.slice(2);
if (page === undefined) throw new Error("name the page to follow");
await follow(readFileSync(resolve(page), "utf8"));
console.log(`${page} goes as it says`);
