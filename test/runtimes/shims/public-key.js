// Node, Bun and Deno.
import { publicKeys } from "../dist/public-key.js";

for (const name of await publicKeys(JSON.parse(process.argv[2]))) console.log(name);
