/**
 * Writes cases/*.json from the groups beside it, which are written by hand. Bytes and signatures
 * come from lib/, made from the specification; verdicts stand in the groups. `--check` compares.
 */
import { readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import challenge from "./groups/challenge.js";
import conditions from "./groups/conditions.js";
import credential from "./groups/credential.js";
import endpoints from "./groups/endpoints.js";
import feed from "./groups/feed.js";
import holder from "./groups/holder.js";
import keys from "./groups/keys.js";
import limits from "./groups/limits.js";
import narrowing from "./groups/narrowing.js";
import profile from "./groups/profile.js";
import publicKeyBytes from "./groups/public-key-bytes.js";
import scope from "./groups/scope.js";
import signatures from "./groups/signatures.js";

const groups = {
  ...credential,
  conditions,
  endpoints,
  scope,
  limits,
  "public-key-bytes": publicKeyBytes,
  profile,
  signatures,
  keys,
  ...narrowing,
  ...challenge,
  feed,
  holder,
};
const folder = join(import.meta.dirname, "../cases");
const slug = (title) =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9*]+/g, "-")
    .replaceAll("*", "star")
    .replace(/^-|-$/g, "")
    .slice(0, 60)
    .replace(/-$/, "");

/** The text of each file. */
export function written() {
  return Object.entries(groups).map(([group, list]) => {
    const ids = new Map();
    const cases = list.map(({ title, form, needs, mayDiffer, steps, spec }) => {
      const name = `${group}/${slug(title)}/${form}`;
      const seen = (ids.get(name) ?? 0) + 1;
      ids.set(name, seen);
      const id = seen === 1 ? name : name.replace(`/${form}`, `-${seen}/${form}`);
      return { id, title, form, needs, ...(mayDiffer && { mayDiffer }), steps, spec };
    });
    return { file: `${group}.json`, text: `${JSON.stringify({ group, cases }, null, 1)}\n` };
  });
}

if (import.meta.main) {
  const files = written();
  const isCheck = process.argv.includes("--check");
  const stale = readdirSync(folder).filter((name) => !files.some(({ file }) => file === name));
  for (const { file, text } of files) {
    const path = join(folder, file);
    if (!isCheck) writeFileSync(path, text);
    else if (readFileSync(path, "utf8") !== text) stale.push(file);
  }
  if (!isCheck) for (const name of stale) unlinkSync(join(folder, name));
  else if (stale.length > 0) {
    console.error(`run npm run conformance:write: ${stale.join(", ")}`);
    process.exitCode = 1;
  }
}
