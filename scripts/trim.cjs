// Runs after `npm ci` in the root. Deletes the C headers that the package `node` brings, a third of
// its size: they are for building native add-ons, and nothing here builds one.
const { readdirSync, rmSync } = require("node:fs");
const { join } = require("node:path");

const builds = join(__dirname, "../node_modules/node/node_modules");
let names = [];
try {
  names = readdirSync(builds);
} catch {
  // Installed with --ignore-scripts, or hoisted: there is nothing to delete.
}
for (const name of names)
  if (name.startsWith("node-"))
    rmSync(join(builds, name, "include"), { recursive: true, force: true });
