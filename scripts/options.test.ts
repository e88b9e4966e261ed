/** Scripts that people run say which options they have. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};

function run(script: string, option: string) {
  const [, args = ""] = /&& node (--conditions.+)/.exec(scripts[script]!) ?? [];
  return spawnSync(process.execPath, [...args.split(" "), option], {
    cwd: root,
    encoding: "utf8",
  });
}

test.each(["links", "simulate", "fuzz", "test:crash"])("%s", (script) => {
  const help = run(script, "--help");
  expect([help.status, help.stderr]).toEqual([0, ""]);
  expect(help.stdout).toMatch(new RegExp(`^npm run (?:-s )?${script} -- `));
  const wrong = run(script, "--nonsense");
  expect([wrong.status, wrong.stdout]).toEqual([2, ""]);
  expect(wrong.stderr).toContain("'--nonsense'");
  expect(wrong.stderr).toContain(help.stdout.trim());
});
