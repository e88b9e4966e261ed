// Node, Bun and Deno.
import { smoke } from "../dist/smoke.js";

for (const name of await smoke()) console.log(name);
